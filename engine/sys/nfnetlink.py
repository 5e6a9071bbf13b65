"""nf_tables over netlink, as much of it as publishing a port needs: elements put into a map, and taken out again.

Everything sent at once is one transaction: all of it happens, or nothing (linux/netfilter/nf_tables.h, nfnetlink.h).
"""

from __future__ import annotations

import _socket
import struct

from engine.errors import KernelError
from engine.sys import netlink

INET = 1
_NETLINK_NETFILTER = 12
_BEGIN, _END = 16, 17
_NFTABLES = 10
_NEWSETELEM, _DELSETELEM = _NFTABLES << 8 | 12, _NFTABLES << 8 | 14
_TABLE, _SET, _ELEMENTS = 1, 2, 3
_LIST_ELEMENT, _KEY, _DATA, _VALUE = 1, 1, 2, 1
_GENERAL = struct.Struct(">BBH")


def fields(*values: bytes) -> bytes:
    """A key or value of several fields, each in network order and filled up to four bytes."""
    return b"".join(value + bytes(-len(value) % 4) for value in values)


def add_element(table: str, name: str, key: bytes, data: bytes) -> bytes:
    """Map the key to the data, in the map `name` of the table of the family inet."""
    return _element(_NEWSETELEM, table, name, key, data)


def remove_element(table: str, name: str, key: bytes) -> bytes:
    """Take the key out of the map."""
    return _element(_DELSETELEM, table, name, key, b"")


def remove_all(table: str, name: str) -> bytes:
    """Empty the map."""
    return netlink.message(_DELSETELEM, _GENERAL.pack(INET, 0, 0) + _of(table, name))


def commit(messages: list[bytes]) -> None:
    """Do all of it in the network namespace of the caller. Raises KernelError, and nothing has changed then."""
    if not messages:
        return
    begin, end = (netlink.message(kind, _GENERAL.pack(0, 0, _NFTABLES)) for kind in (_BEGIN, _END))
    *others, last = messages
    socket = _socket.socket(netlink.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    try:
        socket.send(b"".join([begin, *others, netlink.acknowledged(last), end]))
        failed = netlink.first_error(socket, 1)  # errors are told of all, and come before it
    finally:
        socket.close()
    if failed:
        raise KernelError("nftables", failed, "published ports")


def _element(kind: int, table: str, name: str, key: bytes, data: bytes) -> bytes:
    attribute = netlink.attribute
    element = attribute(_KEY | netlink.NESTED, attribute(_VALUE, key))
    if data:
        element += attribute(_DATA | netlink.NESTED, attribute(_VALUE, data))
    body = _GENERAL.pack(INET, 0, 0) + _of(table, name)
    body += attribute(_ELEMENTS | netlink.NESTED, attribute(_LIST_ELEMENT | netlink.NESTED, element))
    return netlink.message(kind, body, netlink.CREATE if kind == _NEWSETELEM else 0)


def _of(table: str, name: str) -> bytes:
    return netlink.attribute(_TABLE, table.encode() + b"\0") + netlink.attribute(_SET, name.encode() + b"\0")
