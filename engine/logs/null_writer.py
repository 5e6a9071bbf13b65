"""The log driver `none`: nothing is kept but a window of the last output, for those who look on at that moment."""

from __future__ import annotations

import os

from engine.logs.format import LOCK_NAME
from engine.logs.writer import LogWriter

_SEGMENT_BYTES = 256 << 10
_SEGMENTS = 2


class NullWriter(LogWriter):
    """A log that is gone when the run's end is recorded; whoever follows it has its files open, and reads them all."""

    def __init__(self, folder: str, lock: int | None) -> None:
        super().__init__(folder, segment_bytes=_SEGMENT_BYTES, segments=_SEGMENTS, lock=lock)

    def settle(self) -> None:
        """Let go of what there was; the last lines are in the death certificate."""
        for name in os.listdir(self._folder):
            if name != LOCK_NAME:
                os.unlink(f"{self._folder}/{name}")
