"""The mode `non-blocking`: a program never waits for its log, and the log tells what it could not take meanwhile.

A thread writes. It is there only while something waits to be written, so a container that is silent costs no memory
for it. What comes when too much waits is dropped, as Docker does it: the new, and by whole lines.
"""

from __future__ import annotations

import errno
import fcntl
from _collections import deque  # type: ignore[import-not-found] # `collections` is large
from _thread import allocate_lock, stack_size, start_new_thread  # `threading` is large

from engine.logs.format import UNKNOWN
from engine.logs.line_splitter import MESSAGE_BYTES
from engine.logs.writer import MOST_BYTES, bytes_ready, copy_by_reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.logs.driver import Writer

_PATIENCE_S = 0.005
_TEND_MS = 200
_F_GETPIPE_SZ = 1032

stack_size(256 << 10)  # the usual 8 MiB may get huge pages, and a shim 2 MiB larger


class Ring:
    """Writes to the log that `open_kept` opens, when it is needed; at most `limit_bytes` wait, or one line.

    `write` never waits. `copy_from` leaves in the program's pipe what the log has no room for, up to half of what the
    pipe holds. Whatever that log raises is raised by the next call.
    """

    def __init__(self, open_kept: Callable[[], Writer], limit_bytes: int) -> None:
        self._open_kept = open_kept
        self._kept: Writer | None = None  # until the thread has opened it: a disk that stands still lets nobody do so
        self._limit_bytes = limit_bytes
        self._queue: deque[tuple[bytes, int]] = deque()
        self._waiting_bytes = 0
        self._lines: dict[int, _Line] = {}
        self._dropped = [0, 0]  # bytes and newlines that the log has not been told of yet
        self._lock = allocate_lock()  # for all of the above
        self._at_work = allocate_lock()  # held for as long as there is a thread
        self._progress = allocate_lock()  # let go when a piece was written
        self._progress.acquire()
        self._failure: BaseException | None = None

    def copy_from(self, fd: int, stream: int) -> int:
        """Take what is ready on `fd`; see `LogWriter.copy_from`."""
        return self.copy_to(fd, stream, self.write)

    def copy_to(self, fd: int, stream: int, write: Callable[[memoryview, int], None]) -> int:
        """The same for a log that has this one within: what is ready goes to `write`, no more than there is room."""
        if self._room_bytes() == 0 and _can_wait(fd):
            self._progress.acquire(timeout=_PATIENCE_S)
            if self._room_bytes() == 0:
                raise BlockingIOError(errno.EAGAIN, "the log stands still")
        return copy_by_reading(fd, stream, write, self._room_bytes() or MOST_BYTES)

    def _room_bytes(self) -> int:
        """How much fits, 0 for less than is worth a read."""
        room_bytes = self._limit_bytes - self._waiting_bytes
        return room_bytes if room_bytes >= min(self._limit_bytes, MESSAGE_BYTES) else 0

    def write(self, data: bytes | memoryview, stream: int) -> None:
        """Have `data` written as soon as the log takes it; what there is no room for is dropped."""
        with self._lock:
            self._take(bytes(data), stream)
            if self._failure is None and self._at_work.acquire(False):
                start_new_thread(self._work, ())
        self._raise_failure()

    def tend(self) -> int | None:
        """As the log, while nothing waits for it; else in how many milliseconds to call again."""
        if not self._at_work.acquire(False):
            return _TEND_MS
        try:
            self._raise_failure()
            return None if self._kept is None else self._kept.tend()
        finally:
            self._at_work.release()

    def mark_end(self, run: int) -> None:
        """Mark the end when all that waits has been written, however long that takes: the program has ended."""
        self._await_end_of_work().mark_end(run)

    def settle(self) -> None:
        """As the log."""
        self._await_end_of_work().settle()

    def close(self) -> None:
        """Let go of the log when all that waits has been written."""
        self._await_end_of_work().close()

    def _take(self, data: bytes, stream: int) -> None:
        """Put into the queue what fits of `data`, a whole number of lines, and count the rest."""
        line = self._lines.setdefault(stream, _Line())
        start = line.skip(data)
        end = self._end_of_room(data, start)
        self._drop(data[:start], line)
        if end > start:
            self._report()
            self._put(line.begin(data[start:end]), stream)
        self._drop(data[end:], line)

    def _end_of_room(self, data: bytes, start: int) -> int:
        """How far `data` fits: to its end, or that of its last line that does; one line when nothing waits."""
        room = self._limit_bytes - self._waiting_bytes
        if len(data) - start <= room:
            return len(data)
        fitting = data.rfind(b"\n", start, start + max(0, room)) + 1
        if fitting or self._waiting_bytes:
            return fitting or start
        return data.find(b"\n", start, start + MESSAGE_BYTES) + 1 or min(start + MESSAGE_BYTES, len(data))

    def _drop(self, data: bytes, line: _Line) -> None:
        if data:
            newlines_kept = line.drop(data)
            self._dropped[0] += len(data) - newlines_kept
            self._dropped[1] += data.count(b"\n") - newlines_kept

    def _report(self) -> None:
        """Tell of what was dropped, if anything was, between what came before and what comes next."""
        if any(self._dropped):
            told = b"[%d bytes of output in %d lines were dropped here: they came faster than the log took them]\n"
            self._put(told % tuple(self._dropped), UNKNOWN)
            self._dropped = [0, 0]

    def _put(self, data: bytes, stream: int) -> None:
        self._queue.append((data, stream))
        self._waiting_bytes += len(data)

    def _work(self) -> None:
        try:
            kept = self._opened()
            while (piece := self._next()) is not None:
                kept.write(*piece)
                self._forget_first()
        except BaseException as error:  # of a log that fails in a way nobody expected: for the caller of `write`
            self._failure = error
            self._at_work.release()

    def _next(self) -> tuple[bytes, int] | None:
        with self._lock:
            if not self._queue:
                self._report()
            if not self._queue:
                self._at_work.release()
                return None
            piece: tuple[bytes, int] = self._queue[0]
            return piece

    def _forget_first(self) -> None:
        with self._lock:
            self._waiting_bytes -= len(self._queue.popleft()[0])
            if self._progress.locked():
                self._progress.release()

    def _opened(self) -> Writer:
        if self._kept is None:
            self._kept = self._open_kept()
        return self._kept

    def _await_end_of_work(self) -> Writer:
        with self._at_work:
            self._raise_failure()
            return self._opened()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


class _Line:
    """How a stream's last line stands: what of it was taken, and what dropped."""

    def __init__(self) -> None:
        self._is_open = False  # what was taken of it has no end yet
        self._owes_newline = False
        self.dropped_bytes = -1  # of the line that is being dropped; -1 for none

    def skip(self, data: bytes) -> int:
        """Where in `data` a line begins that can be taken; one that is long is taken from its middle at last."""
        if self.dropped_bytes < 0:
            return 0
        newline = data.find(b"\n", 0, MESSAGE_BYTES)
        if newline >= 0:
            return newline + 1
        return 0 if self.dropped_bytes >= MESSAGE_BYTES else len(data)

    def begin(self, data: bytes) -> bytes:
        """Take `data`, behind the end of the line before it if that was dropped."""
        newline = b"\n" if self._owes_newline else b""
        self._owes_newline, self.dropped_bytes = False, -1
        self._is_open = not data.endswith(b"\n")
        return newline + data

    def drop(self, data: bytes) -> int:
        """Drop `data`; how many of its newlines are kept all the same, as the end of a line that had begun."""
        ended, _, rest = data.rpartition(b"\n")
        self.dropped_bytes = len(rest) + (0 if ended else max(0, self.dropped_bytes))
        if data.endswith(b"\n"):
            self.dropped_bytes = -1
        if not (self._is_open and b"\n" in data):
            return 0
        self._is_open, self._owes_newline = False, True
        return 1


def _can_wait(pipe: int) -> bool:
    """Whether there is something to read, and a program can write half of what its pipe holds before it has to wait."""
    try:
        return 0 < bytes_ready(pipe) * 2 < fcntl.fcntl(pipe, _F_GETPIPE_SZ)
    except OSError as error:
        if error.errno != errno.EBADF:  # which is fcntl(2)'s answer for a terminal
            raise
        return False
