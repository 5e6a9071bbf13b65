"""Writes a container's output to its log from inside the shim.

The shim is forked from a launcher whose size is paid once per container, so nothing large may be imported here.
Small pieces go from pipe to file by splice(2), so that a shim killed at any moment loses none: what has left the pipe
is in the file. Output that floods in goes through a buffer: splicing all of it took 1.4 to 1.7 times as long (ext4,
Linux 6.18); a shim killed just between reading and writing then loses that one piece.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import sys
import time

from engine.logs.format import (
    END,
    FLOCK,
    LOCK_NAME,
    LOST,
    RECORD,
    STDERR,
    STDOUT,
    UNKNOWN,
    pack_record,
    segment_number,
    segment_path,
)
from engine.sys import disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.logs.compressing import Compressor

__all__ = ["DISK_ERRORS", "STDERR", "STDOUT", "LogWriter", "copy_by_reading", "take_lock"]

STEP_BYTES = 256 << 10
SPLICE_BYTES = 4 << 10
MOST_BYTES = 1 << 20
_PAGE_BYTES = 4096
_FIONREAD = 0x541B  # <asm-generic/ioctls.h>; the module termios is not worth loading for it
# What the disk can answer without the shim being wrong: the output is lost, the container must not notice.
DISK_ERRORS = disk.ERRORS


def _page_aligned(size: int) -> memoryview:
    """Writable memory that begins with a page: elsewhere the copy out of a pipe may take four times as long."""
    memory = bytearray(size + _PAGE_BYTES)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % _PAGE_BYTES
    return memoryview(memory)[start : start + size]


# One for all writers of a process, as each step empties it. Made before the shim is forked, it costs a container memory
# only when that container writes.
_BUFFER = _page_aligned(STEP_BYTES)


class LogWriter:
    """The only writer of one container's log, for one run; format: `engine.logs.format`.

    Opening it creates `folder` if need be, marks the log as live and repairs what an earlier crash left.
    Raises `OSError`: EAGAIN if another writer has this log open, otherwise what the file system says. Once it is open,
    a full or broken disk never raises: output is dropped, counted, and told of in the log when writing works again.
    """

    def __init__(
        self,
        folder: str,
        *,
        segment_bytes: int = 16 << 20,
        segments: int = 8,
        compresses: bool = False,
        lock: int | None = None,
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segments = segments
        self._compresses = compresses
        self._compressor: Compressor | None = None
        self._has_closed = False
        self._lost = 0
        self._stored = self._unkept = 0  # bytes of the piece at hand: in the data file, and those it had no room for
        self._unspliceable: set[int] = set()
        self._lock = take_lock(folder) if lock is None else lock
        self._number = max([segment_number(name) for name in os.listdir(folder)], default=0) or 1
        self._data, self._index = self._open_segment(self._number)
        self._end, self._index_end = self._recover()

    def copy_from(self, fd: int, stream: int) -> int:
        """Move what is ready on `fd`, at most 1 MiB, into the log as pieces of `stream`; one step, never waiting.

        `fd` is the reading end of a pipe or the master of a pty, set non-blocking. Returns the number of bytes taken,
        0 at the end of the output; raises `BlockingIOError` when nothing is ready.
        """
        if fd in self._unspliceable or bytes_ready(fd) > SPLICE_BYTES:
            return self._copy_much(fd, stream)
        self._rotate_if_full()
        try:
            length = os.splice(fd, self._data, SPLICE_BYTES, offset_dst=self._end, flags=os.SPLICE_F_NONBLOCK)
        except OSError as error:
            if error.errno == errno.EINVAL:  # no pipe, or a file system that cannot splice
                self._unspliceable.add(fd)
            elif error.errno not in DISK_ERRORS:
                raise
            return self._copy_much(fd, stream)
        if length:
            self._record(length, stream)
        return length

    def _copy_much(self, fd: int, stream: int) -> int:
        """As `copy_from`, with one record for all that is ready: one for each read would take a tenth of the time."""
        self._rotate_if_full()
        try:
            return copy_by_reading(fd, stream, self._store)
        finally:
            self._record_stored(stream)

    def write(self, data: bytes | memoryview, stream: int) -> None:
        """Append `data` as a piece of `stream`."""
        self._rotate_if_full()
        self._store(memoryview(data), stream)
        self._record_stored(stream)

    def _store(self, data: memoryview, _stream: int) -> None:
        """Put `data` behind what is there, without a record so far; what the disk does not take is lost."""
        size, written = len(data), 0
        try:
            while written < size and not self._unkept:
                written += os.pwrite(self._data, data[written:], self._end + self._stored + written)
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
        self._stored += written
        self._unkept += size - written

    def _record_stored(self, stream: int) -> None:
        if self._stored:
            self._record(self._stored, stream)
        self._lost += self._unkept
        self._stored = self._unkept = 0

    def tend(self) -> None:
        """Have what was rotated away compressed; nothing else waits here."""
        if self._has_closed and self._compresses:
            self._compress_closed()
        self._has_closed = False

    def mark_end(self, run: int) -> None:
        """Append the record that says: run number `run` of the container is over and nothing more comes of it."""
        self._append(pack_record(time.time_ns(), self._end, END, run))
        if self._compressor is not None:
            self._compressor.stop()  # the next run does what is left

    def settle(self) -> None:
        """All is kept."""

    def close(self) -> None:
        """Close the log; those who follow it come to their end. Output lost last of all is told of here."""
        if self._lost:
            self._append(b"")
        # Dropped before the closing that wakes the followers, so that they find it gone.
        fcntl.fcntl(self._lock, fcntl.F_OFD_SETLK, FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, 0, 0, 0))
        for fd in (self._data, self._index, self._lock):
            os.close(fd)

    def _record(self, length: int, stream: int) -> None:
        """Append the record of `length` bytes that are in the data file already; without a record they do not count."""
        if self._append(pack_record(time.time_ns(), self._end + length, stream)):
            self._end += length
        else:
            self._lost += length
            self._drop_unrecorded()

    def _drop_unrecorded(self) -> None:
        try:
            os.ftruncate(self._data, self._end)
        except OSError as error:  # a read-only disk: the next piece overwrites the bytes, or the next run recovers them
            if error.errno not in DISK_ERRORS:
                raise

    def _append(self, record: bytes) -> bool:
        """Append to the index, after a record of what was lost before it. Tells whether the disk took it."""
        if self._lost:
            record = pack_record(time.time_ns(), self._end, LOST, self._lost) + record
        try:
            written = os.pwrite(self._index, record, self._index_end)
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            return False
        if written < len(record):  # the next attempt overwrites the torn record
            return False
        self._index_end += written
        self._lost = 0
        return True

    def _rotate_if_full(self) -> None:
        # The index counts too: a program that writes single bytes makes records sixteen times their size.
        if self._end + self._index_end < self._segment_bytes:
            return
        try:
            data, index = self._open_segment(self._number + 1)
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            return
        os.close(self._data)
        os.close(self._index)
        self._number, self._data, self._index = self._number + 1, data, index
        self._end = self._index_end = 0
        self._remove_old_segments()
        self._has_closed = True

    def _remove_old_segments(self) -> None:
        for name in sorted(os.listdir(self._folder), reverse=True):  # an index before its data
            stem = name.partition(".")[0]
            if stem.isdigit() and int(stem) <= self._number - self._segments:
                os.unlink(f"{self._folder}/{name}")

    def _compress_closed(self) -> None:
        """Have a child compress what is written no more; while there is one it sees to that."""
        if self._compressor is None:
            from engine.logs.compressing import Compressor  # noqa: PLC0415 - who writes little never needs it

            self._compressor = Compressor(self._closed)
        self._compressor.start()

    def _closed(self) -> list[str]:
        """The data files that no run writes to any more, oldest first."""
        numbers = sorted(segment_number(name) for name in os.listdir(self._folder))
        paths = [segment_path(self._folder, number, "data") for number in numbers if 0 < number < numbers[-1]]
        return [path for path in paths if os.path.exists(path)]

    def _open_segment(self, number: int) -> tuple[int, int]:
        # The index comes last: a reader that sees it finds the data file there.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        data = os.open(segment_path(self._folder, number, "data"), flags, 0o600)
        try:
            return data, os.open(segment_path(self._folder, number, "index"), flags, 0o600)
        except OSError:
            os.close(data)
            raise

    def _recover(self) -> tuple[int, int]:
        """Make index and data agree after a crash; returns where each ends."""
        size = os.fstat(self._data).st_size
        index_end = os.fstat(self._index).st_size // RECORD.size * RECORD.size
        end = 0
        while index_end:
            _, end, kind = RECORD.unpack(os.pread(self._index, RECORD.size, index_end - RECORD.size))
            if kind and end <= size:
                break
            # A crash of the whole machine can keep the record and lose the bytes, or leave a record of zeros.
            index_end -= RECORD.size
            end = 0
        os.ftruncate(self._index, index_end)
        if size > end:
            index_end += os.pwrite(self._index, pack_record(time.time_ns(), size, UNKNOWN), index_end)
        return size, index_end


def copy_by_reading(
    fd: int, stream: int, write: Callable[[memoryview, int], None], most_bytes: int = MOST_BYTES
) -> int:
    """Read what is ready, at most `most_bytes`, and `write` it; see `LogWriter.copy_from` for what it returns.

    As long as the buffer is filled there is more, which needs no poll(2).
    """
    total = 0
    while True:
        wanted = min(STEP_BYTES, most_bytes - total)
        try:
            length = os.readv(fd, [_BUFFER[:wanted]])
        except OSError as error:
            if total and error.errno == errno.EAGAIN:
                return total
            if error.errno == errno.EIO:  # a pty's master says so when the last slave was closed
                return total
            raise
        if length:
            write(_BUFFER[:length], stream)
        total += length
        if length < wanted or total >= most_bytes:
            return total


def take_lock(folder: str) -> int:
    """Mark the log of `folder` as live, making it if need be, for as long as any copy of the descriptor is open.

    A `LogWriter` takes it over as `lock`. Raises `OSError` with EAGAIN if another has it.
    """
    try:  # noqa: SIM105 - contextlib is not for a shim to carry
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass  # and nothing else: what held it may have been removed for good
    lock = os.open(f"{folder}/{LOCK_NAME}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except OSError:
        os.close(lock)
        raise
    return lock


def bytes_ready(fd: int) -> int:
    """How much a read of this pipe or terminal would find."""
    return int.from_bytes(fcntl.ioctl(fd, _FIONREAD, bytes(4)), sys.byteorder)
