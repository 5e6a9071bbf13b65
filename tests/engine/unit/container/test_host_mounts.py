"""Where a path of the host is mounted, by the number its mount has in /proc/self/mountinfo."""

import os
from pathlib import Path

from engine.container.host_mounts import HostMount, by_id, mount_of

TEXT = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:30 / /srv\\040two rw master:7 shared:9 - tmpfs tmpfs rw
31 21 0:31 / /srv rw - tmpfs tmpfs rw
"""


def test_a_mount_tells_with_whom_it_shares() -> None:
    assert by_id(21, TEXT) == HostMount("/", frozenset({"shared"}))
    assert by_id(31, TEXT) == HostMount("/srv", frozenset())


def test_spaces_are_written_as_octal_digits() -> None:
    assert by_id(30, TEXT) == HostMount("/srv two", frozenset({"shared", "master"}))


def test_a_path_lies_on_a_mount_at_or_above_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/proc")
    assert mount_of(str(tmp_path / "link")).at == "/proc"
    at = mount_of(str(tmp_path)).at
    assert os.path.commonpath([at, tmp_path]) == at
    assert os.path.ismount(at)
