"""Byte streams of an archive: a section of a file, a digest taken in passing, gzip and zstd undone."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import BinaryIO, Protocol, cast

import zstandard
from isal import igzip, isal_zlib

from engine.errors import InvalidArchive

CHUNK = 1 << 20
READ_AHEAD = 64 << 10
"""Buffer of a compressed stream: small, since what waits in it counts as read when growth is limited."""
_ZSTD_WINDOW_BYTES = 128 << 20  # what `zstd` itself accepts without --long; bounds the memory a frame can ask for

OnRead = Callable[[int], None]
"""Told of every piece read, in bytes; may raise to stop the reading."""


class Readable(Protocol):
    """Anything with `read`."""

    def read(self, size: int, /) -> bytes: ...


class _Filling(Protocol):
    def readinto(self, buffer: memoryview, /) -> int: ...


class Compression(Enum):
    """How a stream is stored; the value is the suffix of OCI layer media types."""

    NONE = ""
    GZIP = "+gzip"
    ZSTD = "+zstd"


_MAGIC = {b"\x1f\x8b\x08": Compression.GZIP, b"\x28\xb5\x2f\xfd": Compression.ZSTD}
_NOT_READ = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}


class DigestReader(io.RawIOBase):
    """Passes bytes on while counting and hashing them; `copy_to` gets a copy, `on_read` each piece's length."""

    def __init__(
        self, source: Readable, *, on_read: OnRead, copy_to: BinaryIO | None = None, is_hashed: bool = True
    ) -> None:
        super().__init__()
        self.count = 0
        self._source, self._on_read, self._copy_to = source, on_read, copy_to
        self._hash = hashlib.sha256()
        self._is_hashed = is_hashed

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of what has passed so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # io calls it with a writable buffer
        count = _read_into(self._source, view)
        self.count += count
        if self._is_hashed:
            self._hash.update(view[:count])
        if self._copy_to is not None:
            self._copy_to.write(view[:count])
        self._on_read(count)
        return count


class Chunks(io.RawIOBase):
    """Bytes that are made piece by piece as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # io calls it with a writable buffer
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(view), len(self._left))
        view[:count], self._left = self._left[:count], self._left[count:]
        return count


class Section(io.RawIOBase):
    """Part of a seekable file as a stream of its own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # io calls it with a writable buffer
        self._file.seek(self._start + self._position)
        count = _read_into(self._file, view[: max(0, self._size - self._position)])
        self._position += count
        return count


class _Sipping(io.RawIOBase):
    """Reads `READ_AHEAD` bytes at a time however many are asked for."""

    def __init__(self, stream: io.BufferedReader) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # io calls it with a writable buffer
        return self._stream.readinto1(view[:READ_AHEAD])


def buffered(source: io.RawIOBase, size: int = CHUNK) -> io.BufferedReader:
    """The stream with a buffer, so that small reads cost little."""
    return io.BufferedReader(source, size)


def compression_of(stream: io.BufferedReader, what: str) -> Compression:
    """How the stream is compressed, by its first bytes. Raises InvalidArchive for a format that is not read."""
    start = stream.peek(8)[:8]
    for magic, name in _NOT_READ.items():
        if start.startswith(magic):
            raise InvalidArchive(
                f"{what} is a {name} file", hint="Plain, gzip and zstd archives are read: convert it first."
            )
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), Compression.NONE)


def decompress(stream: io.BufferedReader, compression: Compression) -> Readable:
    """The stream's plain bytes."""
    if compression is Compression.GZIP:
        return igzip.IGzipFile(fileobj=_Sipping(stream), mode="rb")  # type: ignore[no-untyped-call]
    if compression is Compression.ZSTD:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        return decompressor.stream_reader(stream, read_across_frames=True)
    return stream


def drain(stream: Readable) -> None:
    """Read to the end, for the sake of the digest."""
    while stream.read(CHUNK):
        pass


def _read_into(source: Readable, view: memoryview) -> int:
    """Fill the view as far as the source gives at once; every binary stream can, though typing.BinaryIO is silent."""
    return cast(_Filling, source).readinto(view)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Names `what` in every InvalidArchive, and turns a decompressor's complaint into one."""
    try:
        yield
    except InvalidArchive as error:
        raise InvalidArchive(f"{what}: {error.message}", hint=error.hint) from None
    except (EOFError, isal_zlib.error, igzip.BadGzipFile, zstandard.ZstdError) as error:  # type: ignore[misc]  # isal says `error` is an instance
        raise InvalidArchive(f"{what}: {error}", hint="The archive is damaged or was cut short.") from error
