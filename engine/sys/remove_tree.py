"""Removes a directory tree that somebody else filled: any depth, any names, never through a link."""

import itertools
import os
import uuid
from collections import deque
from pathlib import Path

from engine.sys.openat2 import RESOLVE_NO_XDEV, openat2

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path) -> None:
    """Remove `path` and all it holds; not being there is fine, so an interrupted removal can be repeated.

    A tree can be deeper than the stack or the table of descriptors, so each directory below is first moved up beside
    the others. Raises OSError.
    """
    try:
        parent = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        remove_tree_at(parent, os.fsencode(path.name))
    finally:
        os.close(parent)


def remove_tree_at(parent: int, name: bytes, *, stays_on_mount: bool = False) -> None:
    """The same for the folder `name` in the folder `parent` is open on.

    With `stays_on_mount` what is mounted in it is not entered: KernelError with EXDEV, and the rest may be gone.
    """
    try:
        top = os.open(name, _DIRECTORY, dir_fd=parent)
    except FileNotFoundError:
        return
    try:
        _empty(top, RESOLVE_NO_XDEV if stays_on_mount else 0)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)


def _empty(top: int, resolve: int) -> None:
    token = uuid.uuid4().hex  # no name of the tree can be equal to it
    new_names = (f".{token}-{number}" for number in itertools.count())
    waiting = deque(_unlink_files(top))
    while waiting:
        name = waiting.popleft()
        fd = openat2(top, os.fsencode(name), _DIRECTORY, resolve=resolve)
        try:
            for child in _unlink_files(fd):
                waiting.append(moved := next(new_names))
                os.rename(child, moved, src_dir_fd=fd, dst_dir_fd=top)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=top)


def _unlink_files(directory: int) -> list[str]:
    """Unlink all that is not a directory; returns the names of the directories."""
    directories = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=directory)
    return directories
