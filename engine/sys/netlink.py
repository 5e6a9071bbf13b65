"""rtnetlink(7), as much of it as a birth needs: links, addresses and routes as messages, and their sending.

A message is bytes, so it can be made beforehand by whoever has time; the kernel acts on many in one call.
"""

from __future__ import annotations

import _socket
import struct

from engine.errors import KernelError

AF_UNSPEC, AF_INET, AF_INET6 = 0, 2, 10
AF_NETLINK, _NETLINK_ROUTE = 16, 0
NESTED = 0x8000
CREATE, _F_REPLACE = 0x400, 0x100
_NLMSG_ERROR = 2
_F_REQUEST, _F_ACK, _F_CREATE_EXCL = 0x1, 0x4, 0x600
_RTM_NEWLINK, _RTM_DELLINK, _RTM_SETLINK, _RTM_NEWADDR, _RTM_NEWROUTE, _RTM_NEWNEIGH = 16, 17, 19, 20, 24, 28
_IFF_UP = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER = 1, 3, 4, 10
_IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_NET_NS_FD = 18, 20, 28
_IFLA_PROTINFO, _IFLA_BRPORT_MODE, _IFLA_BRPORT_ISOLATED, _AF_BRIDGE = 12, 4, 33, 7
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_NDA_LLADDR, _NUD_NOARP, _NTF_MASTER = 2, 0x40, 0x04
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_FLAGS = 1, 2, 4, 8
_IFA_F_NODAD = 0x02
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK, _RTN_UNICAST = 254, 3, 0, 253, 1

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_NUMBER = struct.Struct("=I")
_ERROR = struct.Struct("=i")
_MOST = 65536


def veth(name: str, index: int, peer_name: str, peer_index: int, peer_network: int) -> bytes:
    """Make a pair: one end here, the other in the network namespace behind the descriptor, both with these indexes."""
    peer = _LINK.pack(AF_UNSPEC, 0, peer_index, 0, 0)
    peer += _text(_IFLA_IFNAME, peer_name) + attribute(_IFLA_NET_NS_FD, _NUMBER.pack(peer_network))
    info = _text(_IFLA_INFO_KIND, "veth") + attribute(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, peer))
    body = _LINK.pack(AF_UNSPEC, 0, index, 0, 0) + _text(_IFLA_IFNAME, name) + attribute(_IFLA_LINKINFO, info)
    return message(_RTM_NEWLINK, body, _F_CREATE_EXCL)


def link(index: int, *, master: int = 0, mac: bytes = b"", mtu: int = 0, alias: str = "") -> bytes:
    """Set what is said of a link, and bring it up."""
    body = _LINK.pack(AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP)
    body += attribute(_IFLA_ADDRESS, mac) if mac else b""
    body += attribute(_IFLA_MTU, _NUMBER.pack(mtu)) if mtu else b""
    body += attribute(_IFLA_MASTER, _NUMBER.pack(master)) if master else b""
    body += attribute(_IFLA_IFALIAS, alias.encode()) if alias else b""
    return message(_RTM_NEWLINK, body)


def bridge_port(index: int, *, is_isolated: bool, has_hairpin: bool) -> bytes:
    """Whether a bridge's port is kept from others that are so too, and sends back what came in by it (bridge(8))."""
    flags = attribute(_IFLA_BRPORT_ISOLATED, bytes([is_isolated])) + attribute(_IFLA_BRPORT_MODE, bytes([has_hairpin]))
    port = attribute(_IFLA_PROTINFO | NESTED, flags)
    return message(_RTM_SETLINK, _LINK.pack(_AF_BRIDGE, 0, index, 0, 0) + port)


def bridge_entry(index: int, mac: bytes) -> bytes:
    """Have the bridge send what is for this address to its port, wherever it sent that before (bridge(8), `fdb`)."""
    body = _NEIGHBOUR.pack(_AF_BRIDGE, index, _NUD_NOARP, _NTF_MASTER, 0) + attribute(_NDA_LLADDR, mac)
    return message(_RTM_NEWNEIGH, body, _F_REPLACE | CREATE)


def no_link(index: int) -> bytes:
    """Take a link away, and the other end of a pair with it."""
    return message(_RTM_DELLINK, _LINK.pack(AF_UNSPEC, 0, index, 0, 0))


def address(index: int, packed: bytes, prefix: int, broadcast: bytes = b"") -> bytes:
    """Give the link an address, 4 or 16 bytes; nobody is asked whether another has it."""
    family = AF_INET if len(packed) == 4 else AF_INET6
    body = _ADDRESS.pack(family, prefix, _IFA_F_NODAD if family == AF_INET6 else 0, _RT_SCOPE_UNIVERSE, index)
    body += attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)
    body += attribute(_IFA_BROADCAST, broadcast) if broadcast else b""
    return message(_RTM_NEWADDR, body, _F_CREATE_EXCL)


def default_route(index: int, gateway: bytes) -> bytes:
    """Send by the gateway, which is reached through the link, what no other route is for."""
    family = AF_INET if len(gateway) == 4 else AF_INET6
    fixed = (0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RTN_UNICAST, 0)
    body = _ROUTE.pack(family, 0, *fixed[:2], *fixed[2:6], fixed[6])
    body += attribute(_RTA_GATEWAY, gateway) + attribute(_RTA_OIF, _NUMBER.pack(index))
    return message(_RTM_NEWROUTE, body, _F_CREATE_EXCL)


def open_socket() -> _socket.socket:
    """A socket to the network namespace that the caller is in, and stays for it."""
    return _socket.socket(AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _NETLINK_ROUTE)


def of_descriptor(fd: int) -> _socket.socket:
    """The socket that is open there; closing it closes that, `detach` does not."""
    return _socket.socket(AF_NETLINK, _socket.SOCK_RAW, _NETLINK_ROUTE, fd)


def send(socket: _socket.socket, messages: list[bytes]) -> None:
    """Have the kernel act on all of them, in this order; it goes on after one that fails. Raises KernelError."""
    socket.send(b"".join(map(acknowledged, messages)))
    if failed := first_error(socket, len(messages)):
        raise KernelError("rtnetlink", failed, "the container's network")


def first_error(socket: _socket.socket, count: int) -> int:
    """Read so many answers; the error number of the first that is one, 0 for none."""
    failed = 0
    while count > 0:
        answer = memoryview(socket.recv(_MOST))
        while answer:
            length, kind, *_ = _HEADER.unpack_from(answer)
            if kind == _NLMSG_ERROR:
                failed = failed or -_ERROR.unpack_from(answer, _HEADER.size)[0]
                count -= 1
            answer = answer[_aligned(length) :]
    return failed


def message(kind: int, body: bytes, flags: int = 0) -> bytes:
    """A request of any kind, which is answered only where it fails."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | _F_REQUEST, 0, 0) + body


def acknowledged(request: bytes) -> bytes:
    """The same request, to be answered in any case."""
    length, kind, flags, *rest = _HEADER.unpack_from(request)
    return _HEADER.pack(length, kind, flags | _F_ACK, *rest) + request[_HEADER.size :]


def attribute(kind: int, data: bytes) -> bytes:
    """One attribute of a request, filled up to four bytes."""
    length = 4 + len(data)
    return struct.pack("=HH", length, kind) + data + bytes(_aligned(length) - length)


def _text(kind: int, text: str) -> bytes:
    return attribute(kind, text.encode() + b"\0")


def _aligned(length: int) -> int:
    return length + 3 & ~3
