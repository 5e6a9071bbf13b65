"""The log driver `none`: output is taken, so that the container goes on, and dropped."""

from __future__ import annotations

import os

from engine.logs.writer import copy_by_reading, take_lock


class NullWriter:
    """Holds the lock that says that a run is going on, and keeps nothing."""

    def __init__(self, folder: str, lock: int | None) -> None:
        self._lock = take_lock(folder) if lock is None else lock

    def copy_from(self, fd: int, stream: int) -> int:
        """Take what is ready on `fd`; see `LogWriter.copy_from`."""
        return copy_by_reading(fd, stream, self.write)

    def write(self, data: bytes | memoryview, stream: int) -> None:
        """Forget `data`."""

    def tend(self) -> None:
        """Nothing waits here."""

    def mark_end(self, run: int) -> None:
        """There is nothing to mark."""

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._lock)
