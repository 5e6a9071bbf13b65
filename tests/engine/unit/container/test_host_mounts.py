"""Where a path of the host is mounted, read from the text of /proc/self/mountinfo."""

from pathlib import Path

from engine.container.host_mounts import HostMount, mount_of

TEXT = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:30 / /srv\\040two rw master:7 shared:9 - tmpfs tmpfs rw
31 21 0:31 / /srv rw - tmpfs tmpfs rw
32 21 0:32 / /srv rw shared:4 - tmpfs tmpfs rw
"""


def test_a_path_lies_on_the_deepest_mount_and_there_on_the_last() -> None:
    assert mount_of("/etc", TEXT) == HostMount("/", frozenset({"shared"}))
    assert mount_of("/srv/x/y", TEXT) == HostMount("/srv", frozenset({"shared"}))
    assert mount_of("/srvx", TEXT).at == "/"


def test_spaces_are_written_as_octal_digits() -> None:
    assert mount_of("/srv two", TEXT) == HostMount("/srv two", frozenset({"shared", "master"}))


def test_links_are_followed_first(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/srv")
    assert mount_of(str(tmp_path / "link"), TEXT).at == "/srv"
