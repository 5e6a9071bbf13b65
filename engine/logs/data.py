"""Reads the bytes of a log file at any place, whether it has been compressed meanwhile or not."""

import os
import zlib
from bisect import bisect_right
from pathlib import Path
from typing import Protocol

from engine.logs.compressing import FIELD, HEADER, MAGIC, TRAILER

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class Data(Protocol):
    """An open log file; `fd` is its descriptor."""

    fd: int

    def size(self) -> int:
        """Bytes there are by now."""

    def read(self, length: int, start: int) -> bytes:
        """At most `length` bytes from `start` on."""

    def close(self) -> None:
        """Give the file back."""


def open_data(path: str) -> Data:
    """The file, or what it was compressed to. Raises FileNotFoundError where neither is."""
    try:
        return _Plain(os.open(path, _FLAGS))
    except FileNotFoundError:
        return _Compressed(os.open(f"{path}.gz", _FLAGS))


def exists(path: Path) -> bool:
    """Whether the file is there, compressed or not."""
    return path.exists() or path.with_name(path.name + ".gz").exists()


class _Plain:
    def __init__(self, fd: int) -> None:
        self.fd = fd

    def size(self) -> int:
        return os.fstat(self.fd).st_size

    def read(self, length: int, start: int) -> bytes:
        return os.pread(self.fd, length, start)

    def close(self) -> None:
        os.close(self.fd)


class _Compressed:
    """Members as `engine.logs.compressing` makes them: where each begins, in the file and in what it stands for."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._places: list[tuple[int, int]] = []
        self._starts: list[int] = []
        self._size = 0
        self._open_member, self._plain = -1, b""
        place = 0
        while length := self._member_length(place):
            *_, plain_bytes = TRAILER.unpack(os.pread(fd, TRAILER.size, place + length - TRAILER.size))
            self._places.append((place, length))
            self._starts.append(self._size)
            self._size += plain_bytes
            place += length

    def size(self) -> int:
        return self._size

    def read(self, length: int, start: int) -> bytes:
        pieces = []
        end = min(start + length, self._size)
        while start < end:
            member = bisect_right(self._starts, start) - 1
            inside = start - self._starts[member]
            piece = self._member(member)[inside : inside + end - start]
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        os.close(self.fd)

    def _member_length(self, place: int) -> int:
        """0 at the end, and at what is no member of ours."""
        header = os.pread(self.fd, HEADER.size, place)
        if len(header) < HEADER.size:
            return 0
        magic, _, _, _, _, field, _, length = HEADER.unpack(header)
        return int(length) if (magic, field) == (MAGIC, FIELD) else 0

    def _member(self, number: int) -> bytes:
        if number != self._open_member:
            place, length = self._places[number]
            packed = os.pread(self.fd, length - HEADER.size - TRAILER.size, place + HEADER.size)
            self._open_member, self._plain = number, zlib.decompress(packed, -zlib.MAX_WBITS)
        return self._plain
