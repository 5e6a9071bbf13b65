"""Watching one path for a moment, without the price of an inotify descriptor of one's own."""

import os
from types import TracebackType
from typing import ClassVar

from engine.errors import KernelError
from engine.sys.inotify import inotify_add_watch, inotify_init1, inotify_rm_watch, read_events


class Watching:
    """A descriptor that tells, for the time of a block, of events on one path: `with Watching(path, mask) as fd`.

    It is kept for whoever comes next, since the kernel takes some 15 ms to close one that has ever watched anything.
    """

    _idle: ClassVar[list[int]] = []

    def __init__(self, path: str, mask: int) -> None:
        self._path = path
        self._mask = mask

    def __enter__(self) -> int:
        try:
            self._fd = self._idle.pop()
        except IndexError:
            self._fd = inotify_init1()
        try:
            self._wd = inotify_add_watch(self._fd, self._path, self._mask)
        except KernelError:
            self._idle.append(self._fd)
            raise
        return self._fd

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        inotify_rm_watch(self._fd, self._wd)
        while list(read_events(self._fd)):
            continue  # what the next one did not ask for
        self._idle.append(self._fd)


os.register_at_fork(after_in_child=Watching._idle.clear)  # they would take each other's events
