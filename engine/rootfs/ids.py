"""Translates owners between what the host's kernel says of a container's files and what the container itself sees.

A container with a user namespace of its own has a range of the host's ids (user_namespaces(7), "User and group ID
mappings"). Owners are also in two extended attributes: POSIX ACLs and file capabilities.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engine.errors import InvalidArchive
from engine.rootfs.attributes import ACLS, CAPABILITY

NOBODY = 65534
"""What the kernel shows for an id that has none inside."""

_EVERY_ID = (1 << 32) - 1
_ACL_HEADER, _ACL_ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_ACL_OF_USER, _ACL_OF_GROUP = 0x02, 0x08
_CAPABILITY_VERSION, _CAPABILITY_2, _CAPABILITY_3 = 0xFF000000, 0x02000000, 0x03000000
_CAPABILITY_2_BYTES, _CAPABILITY_3_BYTES = 20, 24


@dataclass(frozen=True)
class IdRange:
    """`count` ids: `inside` on are `outside` on."""

    inside: int
    outside: int
    count: int


@dataclass(frozen=True)
class IdMap:
    """All ranges of one kind of id."""

    ranges: tuple[IdRange, ...] = (IdRange(0, 0, _EVERY_ID),)

    def to_inside(self, outside: int) -> int:
        """What the container calls the host's id; `NOBODY` for one that is not its own."""
        for item in self.ranges:
            if 0 <= outside - item.outside < item.count:
                return item.inside + outside - item.outside
        return NOBODY

    def to_outside(self, inside: int) -> int:
        """What the host calls the container's id. Raises InvalidArchive for one beyond its ranges."""
        for item in self.ranges:
            if 0 <= inside - item.inside < item.count:
                return item.outside + inside - item.inside
        raise InvalidArchive(
            f"owner {inside} is none of the container's users and groups",
            hint="Change the owner, or run the container in the host's user namespace.",
        )


@dataclass(frozen=True)
class Ids:
    """Users and groups of one container."""

    users: IdMap = IdMap()
    groups: IdMap = IdMap()

    @classmethod
    def of_process(cls, pid: int) -> Self:
        """Those of the user namespace that process `pid` is in, seen from this one. Raises FileNotFoundError."""
        return cls(_read(Path(f"/proc/{pid}/uid_map")), _read(Path(f"/proc/{pid}/gid_map")))

    @property
    def is_identity(self) -> bool:
        """Whether nothing has to be translated."""
        return self == Ids()

    def attribute_to_inside(self, name: str, value: bytes) -> bytes:
        """An extended attribute as the container sees it."""
        if name in ACLS and not self.is_identity:
            return _acl(value, self.users.to_inside, self.groups.to_inside)
        if name == CAPABILITY and len(value) == _CAPABILITY_3_BYTES:
            return self._capability_to_inside(value)
        return value

    def attribute_to_outside(self, name: str, value: bytes) -> bytes:
        """The reverse, for setting it from outside."""
        if name in ACLS and not self.is_identity:
            return _acl(value, self.users.to_outside, self.groups.to_outside)
        if name == CAPABILITY and not self.is_identity and len(value) == _CAPABILITY_2_BYTES:
            magic = struct.unpack("<I", value[:4])[0] & ~_CAPABILITY_VERSION | _CAPABILITY_3
            return struct.pack("<I", magic) + value[4:] + struct.pack("<I", self.users.to_outside(0))
        return value

    def _capability_to_inside(self, value: bytes) -> bytes:
        """Version 3 names the user that is root where it counts; the container's own root is version 2 to itself."""
        magic, root = struct.unpack("<I", value[:4])[0], struct.unpack("<I", value[20:])[0]
        if magic & _CAPABILITY_VERSION != _CAPABILITY_3 or self.users.to_inside(root) != 0:
            return value
        return struct.pack("<I", magic & ~_CAPABILITY_VERSION | _CAPABILITY_2) + value[4:_CAPABILITY_2_BYTES]


def _read(path: Path) -> IdMap:
    return IdMap(tuple(IdRange(*map(int, line.split())) for line in path.read_text().splitlines()))


def _acl(value: bytes, user: Callable[[int], int], group: Callable[[int], int]) -> bytes:
    """A POSIX ACL (acl(5), linux/posix_acl_xattr.h) with the ids in it translated."""
    translate = {_ACL_OF_USER: user, _ACL_OF_GROUP: group}
    entries = value[_ACL_HEADER.size :]
    if len(entries) % _ACL_ENTRY.size:
        return value  # the kernel will say that it is none
    return value[: _ACL_HEADER.size] + b"".join(
        _ACL_ENTRY.pack(tag, permissions, translate[tag](number) if tag in translate else number)
        for tag, permissions, number in _ACL_ENTRY.iter_unpack(entries)
    )
