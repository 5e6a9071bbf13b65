"""Owners as the host and as the container see them, those within attributes too."""

import struct

import pytest

from engine.errors import InvalidArchive
from engine.rootfs.ids import NOBODY, IdMap, IdRange, Ids

SHIFTED = IdMap((IdRange(0, 100_000, 65536),))
IDS = Ids(SHIFTED, IdMap((IdRange(0, 200_000, 1000), IdRange(1000, 500, 1))))
CAPABILITY_2 = bytes.fromhex("0100000200200000000000000000000000000000")
CAPABILITY_3 = bytes.fromhex("0100000300200000000000000000000000000000") + struct.pack("<I", 100_000)


def acl(user: int, group: int) -> bytes:
    entries = [(1, 6, 0xFFFFFFFF), (2, 7, user), (4, 4, 0xFFFFFFFF), (8, 5, group), (16, 7, 0xFFFFFFFF)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_ids_are_shifted_by_their_ranges() -> None:
    assert (SHIFTED.to_inside(100_007), SHIFTED.to_outside(7)) == (7, 100_007)
    assert (IDS.groups.to_inside(500), IDS.groups.to_outside(1000)) == (1000, 500)
    assert SHIFTED.to_inside(5) == NOBODY
    with pytest.raises(InvalidArchive, match="owner 70000"):
        SHIFTED.to_outside(70_000)


def test_without_a_user_namespace_nothing_changes() -> None:
    assert Ids().is_identity
    assert (Ids().users.to_inside(4_000_000_000), Ids().users.to_outside(5)) == (4_000_000_000, 5)
    for value in (acl(5, 6), CAPABILITY_2):
        for name in ("system.posix_acl_access", "security.capability"):
            assert Ids().attribute_to_outside(name, value) == value


def test_users_and_groups_of_access_lists_are_shifted_and_nothing_else_of_them() -> None:
    assert IDS.attribute_to_outside("system.posix_acl_access", acl(7, 8)) == acl(100_007, 200_008)
    assert IDS.attribute_to_inside("system.posix_acl_default", acl(100_007, 500)) == acl(7, 1000)
    assert IDS.attribute_to_inside("user.note", acl(100_007, 500)) == acl(100_007, 500)
    assert IDS.attribute_to_inside("system.posix_acl_access", b"\2\0\0\0odd") == b"\2\0\0\0odd"


def test_file_capabilities_count_for_the_containers_own_root() -> None:
    assert IDS.attribute_to_outside("security.capability", CAPABILITY_2) == CAPABILITY_3
    assert IDS.attribute_to_inside("security.capability", CAPABILITY_3) == CAPABILITY_2
    of_another = CAPABILITY_3[:-4] + struct.pack("<I", 300_000)
    assert IDS.attribute_to_inside("security.capability", of_another) == of_another
