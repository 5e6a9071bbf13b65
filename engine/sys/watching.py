"""Inotify descriptors that are borrowed for a while, without the price of one's own.

The kernel takes some 15 ms to close one that has ever watched anything, so they are kept for whoever comes next.
"""

import os
from types import TracebackType

from engine.errors import KernelError
from engine.sys.inotify import inotify_add_watch, inotify_init1, inotify_rm_watch, read_events

_idle: list[int] = []


def borrow() -> int:
    """A descriptor that watches nothing, and has nothing to tell. Raises `KernelError`."""
    try:
        return _idle.pop()
    except IndexError:
        return inotify_init1()


def give_back(fd: int) -> None:
    """Let another have the descriptor, whose watches have been removed."""
    while list(read_events(fd)):
        continue  # what the next one did not ask for
    _idle.append(fd)


class Watching:
    """A descriptor that tells, for the time of a block, of events on one path: `with Watching(path, mask) as fd`."""

    def __init__(self, path: str, mask: int) -> None:
        self._path = path
        self._mask = mask

    def __enter__(self) -> int:
        self._fd = borrow()
        try:
            self._wd = inotify_add_watch(self._fd, self._path, self._mask)
        except KernelError:
            give_back(self._fd)
            raise
        return self._fd

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        inotify_rm_watch(self._fd, self._wd)
        give_back(self._fd)


def _let_go() -> None:
    """In a child, which would take its parent's events, and its parent the child's."""
    while _idle:
        os.close(_idle.pop())


os.register_at_fork(after_in_child=_let_go)
