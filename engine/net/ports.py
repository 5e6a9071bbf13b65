"""Ports of this host that lead to containers: who has which, and what the packet filter is told of them.

networks/ports/<protocol>:<address or *>:<port>     a link to `<container>:<port inside>`

As with addresses, a link is made whole or not at all. One whose container does not run means nothing any more, and
whoever wants the port takes it: looking and taking are done under a lock (`engine/net/store.py`).
"""

import errno
import ipaddress
import os
import secrets
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Conflict, KernelError
from engine.net.firewall import MAPS
from engine.spec.network import Endpoint, PublishedPort
from engine.sys import nfnetlink

IsLive = Callable[[str], bool]
"""Whether the container of this id runs, or is about to."""

_EVERYWHERE = "*"
_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
_EPHEMERAL = range(49153, 65536)
_TRIES = 1000


@dataclass(frozen=True)
class Published:
    """A port of this host that leads into a container; `host_ip` is empty for every address."""

    container: str
    container_port: int
    protocol: str
    host_ip: str
    host_port: int


def claim(folder: Path, container_id: str, ports: Sequence[PublishedPort], is_live: IsLive) -> list[Published]:
    """Take every port for the container, any that is free for one that says 0.

    Raises Conflict naming the owner, a container or a program of the host; nothing is taken then.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found: list[Published] = []
    try:
        for port in ports:
            found.append(_claim(folder, container_id, port, is_live))
    except BaseException:
        release(folder, found)
        raise
    return found


def release(folder: Path, ports: Collection[Published]) -> None:
    """Let go of those that are the container's still."""
    for port in ports:
        path = folder / _name(port.protocol, port.host_ip, port.host_port)
        with suppress(FileNotFoundError):
            if os.readlink(path) == _target(port.container, port.container_port):
                path.unlink()


def listed(folder: Path) -> Iterator[Published]:
    """Every port that has been taken, by containers that may have ended since."""
    if not folder.is_dir():
        return
    for name in sorted(os.listdir(folder)):
        with suppress(FileNotFoundError, ValueError):
            protocol, rest = name.split(":", 1)
            address, port = rest.rsplit(":", 1)
            container, inside = os.readlink(folder / name).split(":")
            host_ip = "" if address == _EVERYWHERE else address
            yield Published(container, int(inside), protocol, host_ip, int(port))


def republish(table: str, published: Sequence[tuple[Sequence[Published], Sequence[Endpoint]]]) -> None:
    """Have the packet filter lead these to their containers, each with its places, and nothing else: at one moment."""
    messages = [nfnetlink.remove_all(table, name) for name in MAPS]
    for claimed, places in published:
        messages += additions(table, claimed, places)
    nfnetlink.commit(messages)


def publish(table: str, ports: Sequence[Published], places: Sequence[Endpoint]) -> None:
    """Have the packet filter lead them to the container. Raises KernelError."""
    try:
        nfnetlink.commit(list(additions(table, ports, places)))
    except KernelError as error:
        if error.errno not in (errno.EEXIST, errno.EBUSY):
            raise
        withdraw(table, ports)  # what a container before has left
        nfnetlink.commit(list(additions(table, ports, places)))


def withdraw(table: str, ports: Sequence[Published]) -> None:
    """Undo that, one by one, since some may be gone already."""
    for message in removals(table, ports):
        try:
            nfnetlink.commit([message])
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise


def additions(table: str, ports: Sequence[Published], places: Sequence[Endpoint]) -> Iterator[bytes]:
    """A message for each port and each kind of address that the container has in its first network."""
    inside = [ipaddress.ip_interface(text).ip for text in places[0].addresses] if places else []
    for port in ports:
        for name, version, key in _keys(port):
            for address in inside:
                if address.version == version:
                    data = nfnetlink.fields(address.packed, port.container_port.to_bytes(2, "big"))
                    yield nfnetlink.add_element(table, name, key, data)


def removals(table: str, ports: Sequence[Published]) -> Iterator[bytes]:
    """A message for each that `additions` may have had."""
    for port in ports:
        for name, _, key in _keys(port):
            yield nfnetlink.remove_element(table, name, key)


def _keys(port: Published) -> Iterator[tuple[str, int, bytes]]:
    """Map, version of addresses in it, and key (`engine/net/firewall.py`)."""
    what = (bytes([_PROTOCOLS[port.protocol]]), port.host_port.to_bytes(2, "big"))
    if port.host_ip:
        address = ipaddress.ip_address(port.host_ip)
        yield f"ports{address.version}_at", address.version, nfnetlink.fields(address.packed, *what)
    else:
        yield from ((f"ports{version}", version, nfnetlink.fields(*what)) for version in (4, 6))


def _claim(folder: Path, container_id: str, port: PublishedPort, is_live: IsLive) -> Published:
    if port.host_port:
        _take(folder, container_id, port, port.host_port, is_live)
        return _published(container_id, port, port.host_port)
    start = secrets.randbelow(len(_EPHEMERAL))
    for step in range(_TRIES):
        number = _EPHEMERAL[(start + step) % len(_EPHEMERAL)]
        with suppress(Conflict):
            _take(folder, container_id, port, number, is_live)
            return _published(container_id, port, number)
    raise Conflict(f"No port of this host is free for port {port.container_port}.", hint="Publish fewer ports.")


def _take(folder: Path, container_id: str, port: PublishedPort, number: int, is_live: IsLive) -> None:
    """Take one. Raises Conflict."""
    for name in _rivals(folder, port, number):
        owner = _owner(folder / name)
        if owner and owner != container_id and is_live(owner):
            raise Conflict(
                f"Port {number}/{port.protocol} of this host is published by container {owner[:12]}.",
                hint="Stop that container, or choose another port.",
            )
        (folder / name).unlink(missing_ok=True)
    _check_host(port, number)
    os.symlink(_target(container_id, port.container_port), folder / _name(port.protocol, port.host_ip, number))


def _rivals(folder: Path, port: PublishedPort, number: int) -> list[str]:
    """Links to the same port at the same address, or at any where one of both is for every address."""
    if port.host_ip:
        names = [_name(port.protocol, address, number) for address in ("", port.host_ip)]
        return [name for name in names if os.path.lexists(folder / name)]
    return [name for name in os.listdir(folder) if name.startswith(f"{port.protocol}:") and name.endswith(f":{number}")]


def _check_host(port: PublishedPort, number: int) -> None:
    """Raise Conflict where a program of the host listens there: it would be cut off."""
    kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "sctp": socket.SOCK_STREAM}[port.protocol]
    family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
    if port.protocol == "sctp":
        return  # few kernels have it at the host's side, and none needs it to lead it on
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host_ip, number))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                why = f"This host has no address {port.host_ip}, at which port {number} was to be published."
                raise Conflict(why, hint="Publish it at an address of this host, or at all.") from None
            why = f"A program of this host has port {number}/{port.protocol}: {error.strerror}."
            raise Conflict(
                why, hint=f"`ss -lp 'sport = {number}'` names it. Stop it, or choose another port."
            ) from None


def _published(container_id: str, port: PublishedPort, number: int) -> Published:
    return Published(container_id, port.container_port, port.protocol, port.host_ip, number)


def _name(protocol: str, host_ip: str, port: int) -> str:
    return f"{protocol}:{host_ip or _EVERYWHERE}:{port}"


def _target(container_id: str, port: int) -> str:
    return f"{container_id}:{port}"


def _owner(path: Path) -> str:
    try:
        return os.readlink(path).partition(":")[0]
    except FileNotFoundError:
        return ""
