"""Looks at a container's files from a thread that has entered its mount namespace, or one made for the purpose.

Only such a thread may copy a mount of that namespace, or attach one without the host seeing it. A descriptor that it
brings back is good in every thread. It runs no code of the container, and loads nothing while it is there.
"""

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from engine.sys import mount, process

T = TypeVar("T")


def visit(pidfd: int, work: Callable[[], T]) -> T:
    """What `work` returns or raises in the mount namespace of the process behind `pidfd`, at its root."""

    def enter() -> T:
        process.unshare(process.CLONE_FS)  # this thread's root and working directory are its own now
        process.setns(pidfd, process.CLONE_NEWNS)
        return work()

    return _Visit(enter).result()


def visit_copy(work: Callable[[], T]) -> T:
    """What `work` returns or raises in a new mount namespace, a copy of the host's that tells the host of nothing."""

    def enter() -> T:
        process.unshare(process.CLONE_NEWNS)
        mount.mount("", "/", "", mount.MS_REC | mount.MS_PRIVATE, "")
        return work()

    return _Visit(enter).result()


def open_root() -> int:
    """In a visit: a descriptor of the root with everything that is mounted in it. The caller closes it."""
    return os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def open_bare_root() -> int:
    """In a visit: a descriptor of the root without anything that is mounted in it. The caller closes it."""
    return mount.open_tree("/", mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC)


class _Visit(threading.Thread, Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(name="visit")
        self._work = work
        self._error: BaseException | None = None
        self._result: T

    def run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error

    def result(self) -> T:
        self.start()
        self.join()
        if self._error is not None:
            raise self._error
        return self._result
