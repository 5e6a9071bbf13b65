"""Removes files and folders, never what is mounted in them; what would go is told beforehand."""

import os
import stat
from collections.abc import Iterator, Sequence

from engine.errors import Conflict, InvalidSpec
from engine.files.addresses import join, path_of, shown
from engine.files.tree import Spot, Tree
from engine.rootfs.walk import walk
from engine.spec.browsing import Removable
from engine.sys.remove_tree import remove_tree_at

MOST_COUNTED = 1_000_000
MOST_PATHS = 1000
_MOST_MOUNTS = 20


def removable(tree: Tree, addresses: Sequence[str]) -> Removable:
    """What would go with the paths. Raises NotFound, InvalidSpec."""
    folders = files = size = 0
    mounts: list[str] = []
    for path in checked(addresses):
        with tree.spot(path) as spot:
            for at, info, is_mount in _below(spot, path):
                if folders + files == MOST_COUNTED:
                    return Removable(folders, files, size, tuple(mounts), is_partial=True)
                folders += stat.S_ISDIR(info.st_mode)
                files += not stat.S_ISDIR(info.st_mode)
                size += info.st_size if stat.S_ISREG(info.st_mode) else 0
                if is_mount and len(mounts) < _MOST_MOUNTS:
                    mounts.append(shown(at))
    return Removable(folders, files, size, tuple(mounts), is_partial=False)


def remove(tree: Tree, addresses: Sequence[str]) -> None:
    """Remove each of the paths with all it holds. Raises NotFound, InvalidSpec, and Conflict for what holds a mount."""
    paths = checked(addresses)
    for path in paths:
        with tree.spot(path) as spot:
            if mount := next((shown(at) for at, _, is_mount in _below(spot, path) if is_mount), ""):
                raise _mounted(mount)
    for path in paths:
        with tree.changing(path) as spot:
            info = spot.lstat()
            if info is not None and stat.S_ISDIR(info.st_mode):
                remove_tree_at(spot.folder, spot.name, stays_on_mount=True)
            else:
                os.unlink(spot.name, dir_fd=spot.folder)


def checked(addresses: Sequence[str]) -> list[bytes]:
    """The paths the addresses stand for. Raises InvalidSpec for none and for too many."""
    if not 1 <= len(addresses) <= MOST_PATHS:
        raise InvalidSpec("paths", f"{len(addresses)} is not between 1 and {MOST_PATHS}")
    return [path_of(address, f"paths[{number}]") for number, address in enumerate(addresses)]


def _below(spot: Spot, path: bytes) -> Iterator[tuple[bytes, os.stat_result, bool]]:
    """What is there and below, but not within mounts: path, facts, whether it is a mount."""
    info = spot.lstat()
    if info is None:
        raise FileNotFoundError(2, "it is not there")
    is_mount = spot.is_mount()
    yield path, info, is_mount
    if is_mount or not stat.S_ISDIR(info.st_mode):
        return
    folder = os.open(spot.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=spot.folder)
    mounted: set[bytes] = set()
    try:
        for found in walk(folder, enters=lambda found: found.path not in mounted):
            is_mount = Spot(found.folder, found.name).is_mount()
            if is_mount:
                mounted.add(found.path)
            yield join(path, found.path), found.info, is_mount
    finally:
        os.close(folder)


def _mounted(path: str) -> Conflict:
    return Conflict(f"Something is mounted on {path[:200]}.", hint="What is mounted cannot be removed from here.")
