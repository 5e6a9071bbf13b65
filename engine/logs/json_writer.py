"""The log driver `json-file`: Docker's files, line for line, so that whatever reads those reads these.

    <id>-json.log              what is being written; `.1` is the one before, up to the number of files, perhaps `.gz`
    json-file                  what readers need to know beside them (`Marker`)

Each line is `{"log":"…\\n","stream":"stdout","attrs":{…},"time":"…"}`; the text has no newline where the line goes on
in the next one. A shim that is killed loses the line that was not finished.
"""

from __future__ import annotations

import os
import time

from engine.logs.format import STDERR, STDOUT, UNKNOWN
from engine.logs.line_splitter import LineSplitter
from engine.logs.writer import DISK_ERRORS, copy_by_reading, take_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.logs.compressing import Compressor

MARKER = "json-file"
_NAMES = {STDOUT: b"stdout", STDERR: b"stderr", UNKNOWN: b"stderr"}
_TAIL_BYTES = 64 << 10
# Go's encoder escapes these in its own way; a lone surrogate stands for a byte that is not UTF-8.
_GO = {number: f"\\u{number:04x}" for number in (*range(0x20), *b"<>&", 0x2028, 0x2029)}
_GO |= {ord("\n"): "\\n", ord("\r"): "\\r", ord('"'): '\\"', ord("\\"): "\\\\"}
_GO |= dict.fromkeys(range(0xDC80, 0xDD00), "\\ufffd")
_PLAIN = bytes(number for number in range(0x20, 0x80) if number not in _GO)


class JsonWriter:
    """The only writer of one container's log. A disk that takes no more is told of when it does again."""

    def __init__(
        self,
        folder: str,
        name: str,
        file_bytes: int,
        files: int,
        compresses: bool,
        attributes: str = "",
        *,
        lock: int | None = None,
    ) -> None:
        self._folder = folder
        self._path = f"{folder}/{name}"
        self._file_bytes = file_bytes
        self._files = files
        self._compresses = compresses
        self._attributes = f'"attrs":{attributes},'.encode() if attributes else b""
        self._compressor: Compressor | None = None
        self._has_closed = False
        self._lost = 0
        self._splitter = LineSplitter()
        self._lock = take_lock(folder) if lock is None else lock
        self._fd = self._open()
        self._number, self._size = self._recover()

    def copy_from(self, fd: int, stream: int) -> int:
        """Take what is ready on `fd`; see `LogWriter.copy_from`."""
        return copy_by_reading(fd, stream, self.write)

    def write(self, data: bytes | memoryview, stream: int) -> None:
        """Append the lines that `data` completes."""
        self._append([(text, stream, is_partial) for text, is_partial in self._splitter.feed(data, stream)])

    def tend(self) -> None:
        """As of `LogWriter`."""
        if self._has_closed and self._compresses:
            self._compress_closed()
        self._has_closed = False

    def mark_end(self, run: int) -> None:
        """Write the lines nobody finished, and down where the run ended."""
        self._append([(text, stream, True) for stream, text in self._splitter.flush()])
        write_marker(self._folder, Marker(self._number, os.fstat(self._fd).st_ino, self._size, run))
        if self._compressor is not None:
            self._compressor.stop()  # the next run does what is left

    def settle(self) -> None:
        """All is kept."""

    def close(self) -> None:
        """Let go of the files and the lock."""
        os.close(self._lock)  # before the closing that wakes the followers, so that they find it gone
        os.close(self._fd)

    def _append(self, messages: list[tuple[bytes, int, bool]]) -> None:
        end = b'",' + self._attributes + b'"time":"' + _rfc3339(time.time_ns()) + b'"}\n'
        endings = {stream: b'","stream":"' + name + end for stream, name in _NAMES.items()}
        pieces: list[bytes] = []
        size, told, self._lost = 0, self._lost, 0
        if told and messages:
            pieces.append(
                b'{"log":"[%d bytes of output were lost here: the disk took no more]\\n' % told + endings[STDERR]
            )
        for text, stream, is_partial in messages:
            if self._file_bytes and self._size + size >= self._file_bytes:
                self._write(pieces, told)
                pieces, size, told = [], 0, 0
                self._rotate()
            line = b'{"log":"' + _escaped(text) + (b"" if is_partial else b"\\n") + endings[stream]
            pieces.append(line)
            size += len(line)
            told += len(text) + (not is_partial)
        self._write(pieces, told)

    def _write(self, pieces: list[bytes], told: int) -> None:
        """Append whole lines or nothing; `told` bytes of output are lost if the disk does not take them."""
        if not pieces:
            self._lost += told
            return
        data = b"".join(pieces)
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], self._size + written)
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            os.ftruncate(self._fd, self._size)
            self._lost += told
            return
        self._size += len(data)

    def _rotate(self) -> None:
        """Docker's renames: the oldest goes, `.1` becomes `.2`, the current one becomes `.1`."""
        if self._compressor is not None:
            self._compressor.stop()  # its files are about to have other names
        try:
            for age in range(self._files - 1, -1, -1):
                self._make_older(age)
            fresh = self._open()
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            return
        os.close(self._fd)
        self._fd, self._size = fresh, 0
        self._number += 1
        write_marker(self._folder, Marker(self._number, os.fstat(fresh).st_ino, 0, 0))
        self._has_closed = True

    def _make_older(self, age: int) -> None:
        """Give the file of that age the name of the next; the oldest loses its own."""
        for ending in ("", ".gz", ".gz.new") if age else ("",):
            try:
                if age == self._files - 1 or ending == ".gz.new":
                    os.unlink(_aged(self._path, age) + ending)
                else:
                    os.rename(_aged(self._path, age) + ending, _aged(self._path, age + 1) + ending)
            except FileNotFoundError:
                continue

    def _closed(self) -> list[str]:
        """The files that are written no more and not compressed, oldest first."""
        paths = [_aged(self._path, age) for age in range(self._files - 1, 0, -1)]
        return [path for path in paths if os.path.exists(path)]

    def _compress_closed(self) -> None:
        if self._compressor is None:
            from engine.logs.compressing import Compressor  # noqa: PLC0415 - who writes little never needs it

            self._compressor = Compressor(self._closed)
        self._compressor.start()

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def _recover(self) -> tuple[int, int]:
        """Number and size of the current file, after a run or a crash: what is no whole line is cut off."""
        info = os.fstat(self._fd)
        tail = os.pread(self._fd, _TAIL_BYTES, max(0, info.st_size - _TAIL_BYTES))
        size = info.st_size - len(tail) + tail.rfind(b"\n") + 1
        if size < info.st_size:
            os.ftruncate(self._fd, size)
        marker = read_marker(self._folder)
        # With another inode the marker is about the file before: a rotation was cut short.
        if marker.inode != info.st_ino:
            marker = Marker(marker.number + 1, info.st_ino, 0, 0)
            write_marker(self._folder, marker)
        return marker.number, size


class Marker:
    """What a reader cannot tell from the files themselves: they have no numbers, and no end of a run is in them.

    `number` is that of the file with `inode`. Run number `run` ended at byte `end` of it; a larger file is that of a
    run going on.
    """

    def __init__(self, number: int, inode: int, end: int, run: int) -> None:
        self.number, self.inode, self.end, self.run = number, inode, end, run


def read_marker(folder: str) -> Marker:
    """The marker of the log in `folder`, all zero where there is none."""
    try:
        fd = os.open(f"{folder}/{MARKER}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return Marker(0, 0, 0, 0)
    try:
        return Marker(*map(int, os.read(fd, 200).split()))
    finally:
        os.close(fd)


def write_marker(folder: str, marker: Marker) -> None:
    """Replace the marker in one rename; on a full disk the old one stays."""
    path = f"{folder}/{MARKER}"
    try:
        fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(fd, b"%d %d %d %d\n" % (marker.number, marker.inode, marker.end, marker.run))
        finally:
            os.close(fd)
        os.rename(f"{path}.new", path)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise


def _aged(path: str, age: int) -> str:
    return f"{path}.{age}" if age else path


def _escaped(text: bytes) -> bytes:
    if not text.translate(None, _PLAIN):  # nearly always
        return text
    return text.decode("utf-8", "surrogateescape").translate(_GO).encode()


def _rfc3339(time_ns: int) -> bytes:
    """The time as Go writes it: nanoseconds without the zeros at their end."""
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return f"{text}{digits}Z".encode()
