"""Walking a tree that changes: in order, never out of it, however deep it is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import Conflict
from engine.rootfs.walk import walk
from engine.sys.remove_tree import remove_tree


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)
    remove_tree(tmp_path)  # pytest's own way ends at a tree as deep as the recursion limit


def test_everything_comes_in_order_folders_before_what_is_in_them(tmp_path: Path, root: int) -> None:
    for path in ("b/2", "b/1/x", "a", "c"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "link").symlink_to("b")
    paths = [found.path for found in walk(root)]
    assert paths == [b"a", b"b", b"b/1", b"b/1/x", b"b/2", b"c", b"link"]
    assert [found.path for found in walk(root, enters=lambda found: found.name != b"1")] == [
        path for path in paths if path != b"b/1/x"
    ]


def test_a_folder_that_becomes_a_link_is_not_entered(tmp_path: Path, root: int) -> None:
    outside = tmp_path / "outside"
    inside = tmp_path / "tree"
    (inside / "a").mkdir(parents=True)
    (inside / "a/own").touch()
    (inside / "b").touch()
    outside.mkdir()
    (outside / "secret").touch()
    fd = os.open(inside, os.O_RDONLY)
    steps = walk(fd)
    assert next(steps).path == b"a"
    (inside / "a/own").unlink()
    (inside / "a").rmdir()
    (inside / "a").symlink_to(outside)
    assert [found.path for found in steps] == [b"b"]
    os.close(fd)


def test_a_folder_that_goes_away_in_the_middle_ends_only_itself(tmp_path: Path, root: int) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / str(number)).mkdir()
    seen = []
    for found in walk(root):
        seen.append(found.path)
        if found.path == b"a/0":
            (tmp_path / "a").rename(tmp_path / "c")
    assert seen == [b"a", b"a/0", b"b", b"b/0", b"b/1", b"b/2"]


def test_a_deep_tree_needs_few_descriptors_and_one_too_deep_is_told(tmp_path: Path, root: int) -> None:
    here = root
    for depth in range(2100):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        if depth:
            os.close(here)
        here = below
    os.close(here)
    before, counts = len(os.listdir("/proc/self/fd")), []

    def walk_down() -> None:
        for _ in walk(root):
            counts.append(len(os.listdir("/proc/self/fd")))

    with pytest.raises(Conflict, match="more than Linux can open"):
        walk_down()
    assert len(counts) > 2000
    assert max(counts) <= before + 2
