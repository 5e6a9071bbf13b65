"""A tree is removed whatever its shape, and nothing outside of it."""

import os
from pathlib import Path

from engine.sys.remove_tree import remove_tree


def test_a_tree_deeper_than_any_path_can_say_is_removed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    fd = os.open(root, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd))
        os.close(fd)
        fd = below
    os.close(fd)
    remove_tree(root)
    assert not root.exists()


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/link").symlink_to(outside)
    (root / "link").symlink_to(outside)
    remove_tree(root)
    assert not root.exists()
    assert (outside / "kept").exists()


def test_what_is_gone_already_is_fine(tmp_path: Path) -> None:
    remove_tree(tmp_path / "never")
