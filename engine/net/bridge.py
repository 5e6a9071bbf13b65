"""A network of one host: a bridge that has the gateways' addresses (ip-link(8), rtnetlink(7))."""

import errno
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from engine.errors import Conflict, KernelError
from engine.spec.network import Network, Subnet

USUAL_MTU = 1500
_ALIAS = "moorage network "
_DEFAULT_TABLE = 254


def ensure(network: Network) -> None:
    """Make the host's side of the network equal to what it should be; nothing happens where it is.

    Raises Conflict where another's interface has the name, KernelError.
    """
    name = network.spec.interface
    with IPRoute() as kernel:
        try:
            index = _index(kernel, network) or _make(kernel, network)
            _address(kernel, network, index)
            kernel.link("set", index=index, state="up", mtu=network.spec.mtu or USUAL_MTU)
        except NetlinkError as error:
            raise KernelError("rtnetlink", error.code, name) from error
    _set(f"ipv6/conf/{name}/accept_ra", "0")
    has_v6 = any(pool.network.version == 6 for pool in network.spec.pools)
    _set(f"ipv6/conf/{name}/disable_ipv6", "0" if has_v6 else "1")
    _set(f"ipv4/conf/{name}/route_localnet", "1")  # so that ports are reached by way of the host's loopback too


def remove(network: Network) -> None:
    """Take the bridge away, if it is the network's."""
    with IPRoute() as kernel:
        try:
            if index := _index(kernel, network):
                kernel.link("del", index=index)
        except NetlinkError as error:
            if error.code != errno.ENODEV:
                raise KernelError("rtnetlink", error.code, network.spec.interface) from error


def routed() -> list[Subnet]:
    """What this host reaches by routes of its own, a default one aside, and by its addresses."""
    with IPRoute() as kernel:
        return [*_routes(kernel), *_addresses(kernel)]


def _routes(kernel: Any) -> Iterator[Subnet]:
    for route in kernel.get_routes(table=_DEFAULT_TABLE):
        if route.get("RTA_DST") and route["dst_len"]:
            yield ipaddress.ip_network(f"{route.get('RTA_DST')}/{route['dst_len']}", strict=False)


def _addresses(kernel: Any) -> Iterator[Subnet]:
    for address in kernel.get_addr():
        yield ipaddress.ip_network(f"{address.get('IFA_ADDRESS')}/{address['prefixlen']}", strict=False)


def _index(kernel: Any, network: Network) -> int:
    """Of the network's bridge, 0 where there is none. Raises Conflict."""
    name = network.spec.interface
    found = kernel.link_lookup(ifname=name)
    if not found:
        return 0
    (link,) = kernel.get_links(found[0])
    if link.get("IFLA_IFALIAS") != _ALIAS + network.id:
        why = f"The host has another interface called {name}."
        raise Conflict(why, hint="Give the network another `interface`, or remove that one.")
    return int(found[0])


def _make(kernel: Any, network: Network) -> int:
    name = network.spec.interface
    # An address of its own: else it has that of one of its ports, and another when that goes.
    mac = "02:4d:" + ":".join(network.id[at : at + 2] for at in range(0, 8, 2))
    kernel.link("add", ifname=name, kind="bridge", address=mac)
    (index,) = kernel.link_lookup(ifname=name)
    kernel.link("set", index=index, ifalias=_ALIAS + network.id)
    return int(index)


def _address(kernel: Any, network: Network, index: int) -> None:
    wanted = {(pool.gateway, pool.network.prefixlen) for pool in network.spec.pools}
    there = {(one.get("IFA_ADDRESS"), one["prefixlen"]) for one in kernel.get_addr(index=index)}
    for address, prefix in wanted - there:
        kernel.addr("add", index=index, address=address, prefixlen=prefix)
    for address, prefix in there - wanted:
        if not ipaddress.ip_address(address).is_link_local:
            kernel.addr("del", index=index, address=address, prefixlen=prefix)


def _set(name: str, value: str) -> None:
    path = Path("/proc/sys/net") / name
    if path.exists() and path.read_text().strip() != value:
        path.write_text(value)
