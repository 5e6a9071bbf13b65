"""Connects a container that is about to be born to its networks, by messages that the engine made beforehand.

Each network has a pair of virtual interfaces for it: one end is a port of the network's bridge, the other is inside.
What range of ids a container has tells the index of the outer end, so what is there by that index is of one that ended.
"""

from __future__ import annotations

import _socket
import errno
import os

from engine.errors import KernelError
from engine.launcher.sandbox import Sandbox
from engine.sys import netlink, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIRST_INSIDE = 100
"""Index of the first interface inside: the kernel gives low ones to tunnels that every network namespace has."""
_FIRST_OUTSIDE = 1 << 30


def with_own_network(ready: Sandbox) -> Sandbox:
    """What stands ready, with a network that belongs to the host's user namespace in place of the one of its own."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        process.unshare(process.CLONE_NEWNET)
        inside = netlink.open_socket()
        net = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        process.setns(here, process.CLONE_NEWNET)
    finally:
        os.close(here)
    return ready._replace(net=net, route=inside.detach())


def connect(endpoints: list[list[Any]], ready: Sandbox) -> None:
    """Make every endpoint of `messages.Plan` in the network that stands ready. Raises KernelError."""
    host = netlink.open_socket()
    inside = netlink.of_descriptor(ready.route)
    try:
        for number, (bridge, mtu, mac, is_isolated, has_hairpin, alias, messages) in enumerate(endpoints):
            index = _FIRST_OUTSIDE + (number << 16) + (ready.first_id >> 16)
            pair = netlink.veth(f"mr{index:x}", index, f"eth{number}", FIRST_INSIDE + number, ready.net)
            _make(host, index, pair)
            outside = [netlink.link(index, master=_index_of(bridge), mtu=mtu, alias=alias)]
            outside.append(netlink.bridge_entry(index, mac))  # it may still lead to who had the address before
            if is_isolated or has_hairpin:
                outside.append(netlink.bridge_port(index, is_isolated=is_isolated, has_hairpin=has_hairpin))
            netlink.send(host, outside)
            netlink.send(inside, messages)
    finally:
        host.close()
        inside.detach()


def _make(host: _socket.socket, index: int, pair: bytes) -> None:
    try:
        netlink.send(host, [pair])
    except KernelError as error:
        if error.errno not in (errno.EEXIST, errno.EBUSY):
            raise
        netlink.send(host, [netlink.no_link(index)])  # of a container that ended, which the kernel is still to undo
        netlink.send(host, [pair])


def _index_of(bridge: str) -> int:
    try:
        return _socket.if_nametoindex(bridge)
    except OSError as error:
        raise KernelError("if_nametoindex", error.errno or errno.ENODEV, bridge) from None
