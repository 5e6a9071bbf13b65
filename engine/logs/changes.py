"""Shares one inotify instance among all followers of an event loop, since a user has few of them (128 by default)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from engine.sys.inotify import (
    IN_IGNORED,
    IN_MASK_ADD,
    inotify_add_watch,
    inotify_rm_watch,
    read_events,
)
from engine.sys.watching import borrow, give_back

Callback = Callable[[str], None]


class Changes:
    """The watches of one event loop, which has an instance while there are any."""

    _of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Changes] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._fd = -1
        self._callbacks: dict[int, list[Callback]] = {}
        self._watching = 0

    @classmethod
    def of_running_loop(cls) -> Changes:
        """The instance that belongs to the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in cls._of_loop:
            cls._of_loop[loop] = cls()
        return cls._of_loop[loop]

    @contextmanager
    def watch(self, path: str, mask: int, callback: Callback) -> Iterator[None]:
        """Call `callback` with the name in the event ("" if it is about `path` itself) for events of `mask`.

        It may be called for events another watch of the same file asked for, and when events were lost: it is a hint
        to look. Raises `KernelError` when the kernel has no watch left.
        """
        self._open()
        try:
            wd = inotify_add_watch(self._fd, path, mask | IN_MASK_ADD)
            self._callbacks.setdefault(wd, []).append(callback)
            try:
                yield
            finally:
                self._forget(wd, callback)
        finally:
            self._release()

    def _open(self) -> None:
        if self._watching == 0:
            self._fd = borrow()
            asyncio.get_running_loop().add_reader(self._fd, self._dispatch)
        self._watching += 1

    def _release(self) -> None:
        self._watching -= 1
        if self._watching == 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            give_back(self._fd)
            self._callbacks.clear()

    def _forget(self, wd: int, callback: Callback) -> None:
        callbacks = self._callbacks.get(wd)
        if callbacks is None:  # the kernel removed the watch, after its one event or with the file
            return
        callbacks.remove(callback)
        if not callbacks:
            del self._callbacks[wd]
            inotify_rm_watch(self._fd, wd)

    def _dispatch(self) -> None:
        for event in read_events(self._fd):
            if event.mask & IN_IGNORED:
                callbacks = self._callbacks.pop(event.wd, [])
            elif event.wd < 0:  # IN_Q_OVERFLOW
                callbacks = [callback for several in self._callbacks.values() for callback in several]
            else:
                callbacks = list(self._callbacks.get(event.wd, []))
            for callback in callbacks:
                callback(event.name)
