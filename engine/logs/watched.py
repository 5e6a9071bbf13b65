"""Keeps a window of the last output beside a log whose files hold back what is no whole line yet.

Whoever is attached sees a prompt, or a letter come back, the moment it is written; the log gets it with the rest.
"""

from __future__ import annotations

from engine.logs.writer import LogWriter, copy_by_reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.logs.driver import Writer

WINDOW = "window"
"""The window's folder, in that of the log; a small log of the engine's own format."""
_SEGMENT_BYTES = 256 << 10
_SEGMENTS = 2


class Watched:
    """Writes to the log that is `kept`, in `folder`, and to the window."""

    def __init__(self, kept: Writer, folder: str) -> None:
        self._kept = kept
        self._window = LogWriter(f"{folder}/{WINDOW}", segment_bytes=_SEGMENT_BYTES, segments=_SEGMENTS)

    def copy_from(self, fd: int, stream: int) -> int:
        """Take what is ready on `fd`; see `LogWriter.copy_from`."""
        return copy_by_reading(fd, stream, self.write)

    def write(self, data: bytes | memoryview, stream: int) -> None:
        """Take `data`."""
        self._window.write(data, stream)
        self._kept.write(data, stream)

    def tend(self) -> int | None:
        """As the log."""
        return self._kept.tend()

    def mark_end(self, run: int) -> None:
        """Mark the end in both."""
        self._kept.mark_end(run)
        self._window.mark_end(run)

    def settle(self) -> None:
        """As the log."""
        self._kept.settle()

    def close(self) -> None:
        """Let go of both."""
        self._window.close()
        self._kept.close()
