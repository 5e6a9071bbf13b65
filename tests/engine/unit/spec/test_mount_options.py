"""Options of mounts as the kernel's calls take them: no root, no kernel."""

import pytest

from engine.errors import InvalidSpec
from engine.spec import mount_options
from engine.spec.mount_options import Change
from engine.sys import mount

KNOWN = """
async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec
noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime
rexec rnoatime rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw
rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync
tmpcopyup unbindable
""".split()
"""What config-linux.md of runtime-spec 1.2 lists, but for `remount`, `idmap` and `ridmap`."""


def parse(*options: str) -> mount_options.MountOptions:
    return mount_options.parse(options, "mounts[0].options")


@pytest.mark.parametrize("option", KNOWN)
def test_every_option_of_the_specification_is_known(option: str) -> None:
    assert parse(option).data == ()


def test_what_is_not_known_is_the_file_systems_own() -> None:
    assert parse("nosuid", "size=64k", "mode=755", "huge=never").data == ("size=64k", "mode=755", "huge=never")


def test_flags_are_those_of_mount_and_the_last_word_counts() -> None:
    assert parse("ro", "nosuid", "noexec", "exec").flags == mount.MS_RDONLY | mount.MS_NOSUID
    assert parse("noatime", "strictatime").flags == mount.MS_STRICTATIME
    assert parse("sync", "lazytime", "async").flags == mount.MS_LAZYTIME


def test_what_acts_within_is_a_call_of_its_own_before_the_outermost() -> None:
    options = parse("rbind", "rro", "nosuid", "rslave")
    assert (options.is_bind, options.is_recursive) == (True, True)
    assert options.changes == (
        Change(mount.MOUNT_ATTR_RDONLY, 0, mount.MS_SLAVE, True),
        Change(mount.MOUNT_ATTR_NOSUID, 0, 0, False),
    )


def test_a_bind_without_a_word_on_it_keeps_its_attributes() -> None:
    assert parse("bind").changes == ()
    assert parse("rbind", "rprivate").changes == (Change(0, 0, mount.MS_PRIVATE, True),)
    assert parse("bind", "private").changes == (Change(0, 0, mount.MS_PRIVATE, False),)


def test_attributes_are_cleared_as_well_as_set() -> None:
    assert parse("bind", "rw", "suid").changes == (
        Change(0, mount.MOUNT_ATTR_RDONLY | mount.MOUNT_ATTR_NOSUID, 0, False),
    )


def test_times_of_access_are_one_field_that_is_cleared_as_a_whole() -> None:
    assert parse("bind", "rnoatime").changes == (Change(mount.MOUNT_ATTR_NOATIME, mount.MOUNT_ATTR__ATIME, 0, True),)
    assert parse("bind", "rrelatime").changes == (Change(0, mount.MOUNT_ATTR__ATIME, 0, True),)


def test_a_mount_that_is_there_cannot_be_mounted_again() -> None:
    with pytest.raises(InvalidSpec, match="remount"):
        parse("remount")


def test_ids_are_shifted_on_one_mount_or_on_all_within() -> None:
    for option, within in (("idmap", False), ("ridmap", True)):
        options = parse("bind", option)
        assert (options.is_shifted, options.shifts_within, options.data) == (True, within, ())
