"""A copied tree is like its original in all that a file can be; nothing in it leads the copy elsewhere."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from engine.sys.copy_tree import copy_tree


def copy(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    opened = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (source, target)]
    try:
        copy_tree(*opened)
    finally:
        for fd in opened:
            os.close(fd)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


def test_owners_modes_times_and_kinds_are_kept(source: Path, tmp_path: Path) -> None:
    (source / "folder").mkdir()
    (source / "folder" / "program").write_text("#!/bin/sh\n")
    os.chown(source / "folder" / "program", 7, 8)
    os.chmod(source / "folder" / "program", 0o6700)
    (source / "link").symlink_to("/nowhere")
    os.chown(source / "link", 9, 10, follow_symlinks=False)
    os.mkfifo(source / "pipe", 0o620)
    os.mknod(source / "node", 0o020660, os.makedev(1, 7))
    os.chown(source / "folder", 11, 12)
    os.chmod(source / "folder", 0o1700)
    for name in ("folder/program", "folder", "pipe", "node", "link", "."):
        os.utime(source / name, ns=(1_000_000_007, 2_000_000_009), follow_symlinks=False)
    copy(source, tmp_path / "copy")
    for name in ("folder/program", "folder", "pipe", "node", "link", "."):
        ours, theirs = (os.lstat(top / name) for top in (tmp_path / "copy", source))
        kept = ("st_mode", "st_uid", "st_gid", "st_mtime_ns", "st_rdev", "st_nlink")
        assert [getattr(ours, field) for field in kept] == [getattr(theirs, field) for field in kept], name
    assert os.readlink(tmp_path / "copy" / "link") == "/nowhere"


def test_names_of_one_file_stay_names_of_one_file(source: Path, tmp_path: Path) -> None:
    (source / "a").write_text("same")
    (source / "deep" / "er").mkdir(parents=True)
    os.link(source / "a", source / "deep" / "er" / "b")
    copy(source, tmp_path / "copy")
    assert os.path.samefile(tmp_path / "copy" / "a", tmp_path / "copy" / "deep" / "er" / "b")


def test_extended_attributes_and_capabilities_are_kept(source: Path, tmp_path: Path) -> None:
    (source / "file").touch()
    os.setxattr(source / "file", "user.colour", b"blue")
    os.setxattr(source / "file", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
    os.setxattr(source, "trusted.note", b"top")
    copy(source, tmp_path / "copy")
    assert os.getxattr(tmp_path / "copy" / "file", "user.colour") == b"blue"
    assert os.getxattr(tmp_path / "copy" / "file", "security.capability")[8] == 0
    assert sorted(os.listxattr(tmp_path / "copy" / "file")) == ["security.capability", "user.colour"]
    assert os.getxattr(tmp_path / "copy", "trusted.note") == b"top"


def test_attributes_the_target_cannot_hold_are_left_out(source: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    subprocess.run(["mount", "-t", "ramfs", "none", tmp_path / "copy"], check=True)
    try:
        (source / "file").write_text("text")
        os.setxattr(source / "file", "user.colour", b"blue")
        copy(source, tmp_path / "copy")
        assert (tmp_path / "copy" / "file").read_text() == "text"
    finally:
        subprocess.run(["umount", tmp_path / "copy"], check=True)


def test_links_to_folders_are_copied_not_entered(source: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").touch()
    (source / "away").symlink_to(tmp_path / "outside")
    copy(source, tmp_path / "copy")
    assert stat.S_ISLNK(os.lstat(tmp_path / "copy" / "away").st_mode)
    assert sorted(os.listdir(tmp_path / "outside")) == ["secret"]


def test_a_deep_and_wide_tree_needs_few_descriptors(source: Path, tmp_path: Path) -> None:
    deep = source
    for _ in range(300):
        deep = deep / "d"
        deep.mkdir()
    (deep / "bottom").touch()
    for number in range(300):
        (source / f"wide-{number}").mkdir()
    copy(source, tmp_path / "copy")
    assert (tmp_path / "copy" / deep.relative_to(source) / "bottom").exists()
    assert len(os.listdir(tmp_path / "copy")) == 301
