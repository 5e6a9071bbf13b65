"""Reads tar streams (ustar, PAX, GNU) entry by entry, trusting nothing: every number, length and map is checked.

Python's tarfile takes a damaged header for the end of the archive and reads extension headers of any size into memory;
an image from anywhere may use both. Formats: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block";
GNU tar manual, "Basic Tar Format" and "Storing Sparse Files".
"""

import functools
import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from engine.errors import InvalidArchive

BLOCK = 512
CHUNK = 1 << 20
MAXIMUM_EXTENSION_BYTES = 1 << 20
MAXIMUM_SEGMENTS = 100_000
MAXIMUM_SIZE = 1 << 62  # no file can be larger

_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_ZEROS = bytes(BLOCK)
_SECONDS = re.compile(rb"(-?)([0-9]{1,11})(?:\.([0-9]*))?")
_XATTR = b"SCHILY.xattr."


class Kind(Enum):
    """What an entry makes."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symbolic link"
    HARD_LINK = "hard link"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    FIFO = "fifo"


_KINDS = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"S": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.CHARACTER_DEVICE,
    b"4": Kind.BLOCK_DEVICE,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}


class Stream(Protocol):
    """A buffered stream: `read` returns less than asked only at its end."""

    def read(self, size: int, /) -> bytes: ...
    def seekable(self) -> bool: ...
    def seek(self, offset: int, whence: int, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Names are bytes as stored; `size` counts the file's bytes, holes included.

    `segments` are `(offset, length)` of the stored data of a sparse file, else None; `target` is a link's.
    """

    name: bytes
    kind: Kind
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    size: int
    target: bytes
    major: int
    minor: int
    xattrs: Mapping[str, bytes]
    segments: tuple[tuple[int, int], ...] | None


@dataclass(slots=True)
class _Extension:
    """What extension headers say about the entry that follows them."""

    records: dict[bytes, bytes] = field(default_factory=dict)
    sparse_pairs: list[bytes] = field(default_factory=list)
    long_name: bytes | None = None
    long_target: bytes | None = None
    is_pending: bool = False


class TarReader:
    """Iterates over the entries; `chunks()` gives the data of the entry just yielded, what is not read is skipped.

    Raises InvalidArchive. `has_end_marker` tells after the last entry whether the archive was properly closed.
    """

    def __init__(self, stream: Stream) -> None:
        self.has_end_marker = False
        self._stream = stream
        self._is_seekable = stream.seekable()
        self._stored = 0  # bytes of the current entry's data not read yet
        self._padding = 0
        self._count = 0
        self._defaults: dict[bytes, bytes] = {}

    def __iter__(self) -> Iterator[Entry]:
        extension = _Extension()
        while (block := self._next_header()) is not None:
            header = _HEADER.unpack(block)
            kind = header[7]
            if kind in b"xgLK":
                self._read_extension(kind, _number(header[4]), extension)
            elif kind == b"V":  # GNU's volume label
                self._expect_data(_number(header[4]))
            else:
                yield self._entry(block, header, extension)
                extension = _Extension()
        if extension.is_pending:
            raise self._damaged("ends after an extension header")

    def chunks(self) -> Iterator[bytes]:
        """The stored data of the current entry, at most 1 MiB at a time."""
        while self._stored:
            data = self._read(min(self._stored, CHUNK))
            self._stored -= len(data)
            yield data

    def _next_header(self) -> bytes | None:
        self._skip(self._stored + self._padding)
        self._stored = self._padding = 0
        block = self._stream.read(BLOCK)
        if not block:
            return None
        if len(block) < BLOCK:
            raise self._damaged("is truncated in a header")
        if block == _ZEROS:
            self.has_end_marker = True
            return None
        self._count += 1
        digits = block[148:156].strip(b" \0")
        expected = b"%o" % (sum(block) - sum(block[148:156]) + 8 * 32)
        if digits.lstrip(b"0") != expected:
            if self._count == 1:
                raise InvalidArchive("this is no tar archive", hint="Plain, gzip and zstd archives are read.")
            raise self._damaged("has a header whose checksum does not match")
        return block

    def _entry(self, block: bytes, header: tuple[bytes, ...], extension: _Extension) -> Entry:
        records = self._defaults | extension.records
        name = _name(header, extension, records)
        target = records.get(b"linkpath", extension.long_target or _text(header[8]))
        if b"\0" in name + target + b"".join(key for key in records if key.startswith(_XATTR)):
            raise self._damaged("has a name with a NUL byte in it")
        kind = self._kind(header[7], name)
        xattrs = {os.fsdecode(key[len(_XATTR) :]): records[key] for key in records if key.startswith(_XATTR)}
        size = self._decimal(records, b"size", _number(header[4])) if kind is Kind.FILE else 0
        self._expect_data(size)
        size, segments = self._sparse(block, header[7], size, extension, records)
        return Entry(
            name=name,
            kind=kind,
            mode=_number(header[1]) & 0o7777,
            uid=self._decimal(records, b"uid", _number(header[2])),
            gid=self._decimal(records, b"gid", _number(header[3])),
            mtime_ns=self._mtime_ns(records, header[5]),
            size=size,
            target=target,
            major=_number(header[12]),
            minor=_number(header[13]),
            xattrs=xattrs,
            segments=segments,
        )

    def _kind(self, flag: bytes, name: bytes) -> Kind:
        if flag in (b"\0", b"0") and name.endswith(b"/"):  # how tar wrote directories before POSIX
            return Kind.DIRECTORY
        if (kind := _KINDS.get(flag)) is None:
            raise self._damaged(f"is of type {flag!r}, which no file system tree has")
        return kind

    def _read_extension(self, kind: bytes, size: int, extension: _Extension) -> None:
        if size > MAXIMUM_EXTENSION_BYTES:
            raise self._damaged(f"has an extension header of {size} bytes; {MAXIMUM_EXTENSION_BYTES} is the limit")
        self._expect_data(size)
        data = b"".join(self.chunks())
        extension.is_pending = kind != b"g"
        if kind == b"L":
            extension.long_name = data.rstrip(b"\0")
        elif kind == b"K":
            extension.long_target = data.rstrip(b"\0")
        elif kind == b"x":
            extension.records, extension.sparse_pairs = self._pax_records(data)
        else:
            # Names and sizes make no sense for all entries at once, and archives from git carry only a comment.
            records, _ = self._pax_records(data)
            self._defaults |= {key: records[key] for key in (b"mtime", b"uid", b"gid") if key in records}

    def _pax_records(self, data: bytes) -> tuple[dict[bytes, bytes], list[bytes]]:
        """Records as a mapping, and GNU's repeated sparse ones (format 0.0), which a mapping would lose, in order."""
        records: dict[bytes, bytes] = {}
        pairs: list[bytes] = []
        position = 0
        while position < len(data):
            digits, space, _ = data[position : position + 8].partition(b" ")
            length = int(digits) if digits.isdigit() else 0
            record = data[position : position + length]
            key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
            if not (space and equals and len(record) == length and record.endswith(b"\n")):
                raise self._damaged("has a damaged PAX header")
            if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
                pairs.append(value)
            records[key] = value
            position += length
        return records, pairs

    def _sparse(
        self, block: bytes, flag: bytes, size: int, extension: _Extension, records: Mapping[bytes, bytes]
    ) -> tuple[int, tuple[tuple[int, int], ...] | None]:
        """Real size and stored segments of the entry, whichever of GNU's four ways it is sparse in."""
        if flag == b"S":
            return self._checked(_number(block[483:495]), self._old_sparse_map(block))
        if b"GNU.sparse.major" in records:
            real_size = self._decimal(records, b"GNU.sparse.realsize", size)
            return self._checked(real_size, self._sparse_map_in_data())
        if b"GNU.sparse.size" in records:
            listed = records.get(b"GNU.sparse.map")
            numbers = [self._integer(text) for text in (listed.split(b",") if listed else extension.sparse_pairs)]
            return self._checked(self._decimal(records, b"GNU.sparse.size", size), numbers)
        return size, None

    def _old_sparse_map(self, block: bytes) -> list[int]:
        numbers = _sparse_fields(block[386:482])
        is_extended = block[482]
        while is_extended and len(numbers) <= 2 * MAXIMUM_SEGMENTS:
            block = self._read(BLOCK)
            numbers += _sparse_fields(block[:504])
            is_extended = block[504]
        return numbers

    def _sparse_map_in_data(self) -> list[int]:
        """Format 1.0: decimal lines at the start of the data, padded to a block: count, then offsets and lengths."""
        lines: list[bytes] = []
        text = b""
        count = 1
        while len(lines) < count:
            text += self._take(BLOCK)
            *whole, text = text.split(b"\n")
            lines += whole
            if lines:
                count = 1 + 2 * self._integer(lines[0])
            if count > 2 * MAXIMUM_SEGMENTS:
                raise self._damaged("has a sparse file of too many segments")
        return [self._integer(line) for line in lines[1:count]]

    def _checked(self, real_size: int, numbers: list[int]) -> tuple[int, tuple[tuple[int, int], ...]]:
        segments = tuple(zip(numbers[::2], numbers[1::2], strict=False))
        end = 0
        for offset, length in segments:
            if offset < end or length < 0:
                raise self._damaged("has a sparse file whose segments overlap")
            end = offset + length
        is_whole = sum(length for _, length in segments) == self._stored and len(numbers) % 2 == 0
        if not is_whole or not end <= real_size <= MAXIMUM_SIZE or len(segments) > MAXIMUM_SEGMENTS:
            raise self._damaged("has a sparse file whose map does not fit its data")
        return real_size, segments

    def _take(self, size: int) -> bytes:
        if self._stored < size:
            raise self._damaged("has a sparse file without its map")
        self._stored -= size
        return self._read(size)

    def _expect_data(self, size: int) -> None:
        if not 0 <= size <= MAXIMUM_SIZE:
            raise self._damaged(f"has a size of {size} bytes")
        self._stored, self._padding = size, -size % BLOCK

    def _skip(self, size: int) -> None:
        if self._is_seekable:
            self._stream.seek(size, os.SEEK_CUR)
            return
        while size:
            size -= len(self._read(min(size, CHUNK)))

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise self._damaged("is truncated")
        return data

    def _decimal(self, records: Mapping[bytes, bytes], key: bytes, default: int) -> int:
        return self._integer(records[key]) if key in records else default

    def _integer(self, text: bytes) -> int:
        if not (text.isdigit() and len(text) < 20):
            raise self._damaged(f"has {text[:40]!r} where a number belongs")
        return int(text)

    def _mtime_ns(self, records: Mapping[bytes, bytes], header_field: bytes) -> int:
        if b"mtime" not in records:
            return _number(header_field) * 1_000_000_000
        if (match := _SECONDS.fullmatch(records[b"mtime"])) is None:
            raise self._damaged(f"has {records[b'mtime'][:40]!r} where a time belongs")
        sign, seconds, fraction = match.groups()
        nanoseconds = int(seconds) * 1_000_000_000 + int((fraction or b"").ljust(9, b"0")[:9])
        return -nanoseconds if sign else nanoseconds

    def _damaged(self, reason: str) -> InvalidArchive:
        return InvalidArchive(f"tar entry {self._count} {reason}", hint="The archive is damaged or was cut short.")


def _name(header: tuple[bytes, ...], extension: _Extension, records: Mapping[bytes, bytes]) -> bytes:
    for key in (b"GNU.sparse.name", b"path"):
        if key in records:
            return records[key]
    if extension.long_name is not None:
        return extension.long_name
    name, prefix = _text(header[0]), _text(header[14])
    # GNU's own format says "ustar " and keeps other things where POSIX has the prefix.
    is_posix = header[9].startswith(b"ustar\0")
    return prefix + b"/" + name if is_posix and prefix else name


def _text(stored: bytes) -> bytes:
    return stored.partition(b"\0")[0]


@functools.lru_cache(4096)  # modes, owners and device numbers are the same again and again
def _number(stored: bytes) -> int:
    """A numeric header field: octal digits, or GNU's base 256 where the first bit is set."""
    if stored[0] in (0x80, 0xFF):
        return int.from_bytes(stored[1:], "big") - (256 ** (len(stored) - 1) if stored[0] == 0xFF else 0)
    digits = stored.partition(b"\0")[0].strip()
    if not digits:
        return 0
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise InvalidArchive(f"tar header holds {digits!r} where an octal number belongs")
    return int(digits, 8)


def _sparse_fields(stored: bytes) -> list[int]:
    """Offsets and lengths in an old GNU header, up to the first unused pair."""
    numbers: list[int] = []
    for position in range(0, len(stored), 24):
        if not stored[position]:
            break
        numbers += (_number(stored[position : position + 12]), _number(stored[position + 12 : position + 24]))
    return numbers
