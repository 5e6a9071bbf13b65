"""Walks a tree that somebody else may be changing at the same moment, in order, without ever leaving it.

Every folder is opened from the root anew by openat2(2), which refuses links on the way, so a folder that is swapped for
a link while it is walked is passed over, not followed. One descriptor is open at a time, however deep the tree.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.errors import Conflict, KernelError
from engine.sys.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, openat2

_LONGEST_PATH = 4095  # PATH_MAX without its NUL
_HERE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Found(NamedTuple):
    """One entry: its path from the root of the walk (without a leading `/`), and where it is to be looked at.

    `folder` is a descriptor of the folder that holds it under `name`, valid until the walk goes on.
    """

    path: bytes
    folder: int
    name: bytes
    info: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder itself, and no link to one."""
        return stat.S_ISDIR(self.info.st_mode)


def walk(root: int, *, enters: Callable[[Found], bool] = lambda _: True) -> Iterator[Found]:
    """Everything below the folder that `root` is a descriptor of, folders before what is in them, sorted by name.

    Only the folders that `enters` says yes to are entered. What vanishes during the walk is left out. Raises Conflict
    for a path too long for Linux to open.
    """
    waiting = [_Level(b"", _sorted(root, b""))]
    while waiting:
        level = waiting[-1]
        folder = open_folder(root, level.path) if level.names else None
        if folder is None:
            waiting.pop()
            continue
        try:
            while level.names:
                name = level.names.pop()
                info = lstat(folder, name)
                if info is None:
                    continue
                found = Found(join(level.path, name), folder, name, info)
                yield found
                if found.is_folder and enters(found):
                    waiting.append(_Level(found.path, _sorted(root, found.path)))
                    break
        finally:
            os.close(folder)


class _Level(NamedTuple):
    """A folder on the way, and the names in it that are still to come, last first."""

    path: bytes
    names: list[bytes]


def open_folder(root: int, path: bytes) -> int | None:
    """A descriptor of the folder, None where there is none. The caller closes it."""
    if len(path) > _LONGEST_PATH:
        raise Conflict(
            f"/{os.fsdecode(path[:200])}… is {len(path)} bytes long, more than Linux can open.",
            hint="Move or remove this folder inside the container.",
        )
    try:
        return openat2(root, path or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, resolve=_HERE)
    except KernelError as error:
        if error.errno in _GONE:
            return None
        raise


def names_in(root: int, path: bytes) -> set[bytes]:
    """The names in the folder, none where there is no folder."""
    folder = open_folder(root, path)
    if folder is None:
        return set()
    try:
        return set(map(os.fsencode, os.listdir(folder)))
    finally:
        os.close(folder)


def join(folder: bytes, name: bytes) -> bytes:
    """The path of `name` in `folder`, which is empty for the root."""
    return folder + b"/" + name if folder else name


def lstat(folder: int, path: bytes) -> os.stat_result | None:
    """What is there under the path, None for nothing; links before the last name are followed."""
    try:
        return os.stat(path, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _sorted(root: int, path: bytes) -> list[bytes]:
    return sorted(names_in(root, path), reverse=True)
