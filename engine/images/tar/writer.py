"""Writes what `engine.images.tar.reader` reads: an entry's header, in POSIX pax form where ustar has no room for it.

The same entries give the same bytes. Formats: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"; GNU
tar manual, "Storing Sparse Files" (format 1.0).
"""

import os
from collections.abc import Mapping

from engine.images.tar.reader import BLOCK, Entry, Kind

END = bytes(2 * BLOCK)
"""What an archive ends with."""

_FLAGS = {
    Kind.FILE: b"0",
    Kind.HARD_LINK: b"1",
    Kind.SYMLINK: b"2",
    Kind.CHARACTER_DEVICE: b"3",
    Kind.BLOCK_DEVICE: b"4",
    Kind.DIRECTORY: b"5",
    Kind.FIFO: b"6",
}
_NAME_BYTES = 100
_PAX = b"x"


def header(entry: Entry) -> bytes:
    """All that comes before the entry's data; of a sparse file with it the map of its segments.

    The data itself, `size` bytes or those of the segments, and `padding` behind it are the caller's to write.
    """
    segments = _sparse_map(entry)
    name = entry.name + b"/" if entry.kind is Kind.DIRECTORY and not entry.name.endswith(b"/") else entry.name
    stored = entry.size if entry.segments is None else len(segments) + stored_bytes(entry)
    records = _records(entry, name, stored)
    extended = b""
    if records:
        data = b"".join(_record(key, records[key]) for key in sorted(records))
        extended = _block(b"PaxHeaders/" + _base(name), _PAX, len(data)) + data + padding(len(data))
    return (
        extended
        + _block(
            name,
            _FLAGS[entry.kind],
            stored,
            mode=entry.mode,
            uid=entry.uid,
            gid=entry.gid,
            mtime_s=entry.mtime_ns // 1_000_000_000,
            target=entry.target,
            device=(entry.major, entry.minor),
        )
        + segments
    )


def padding(size: int) -> bytes:
    """What fills the last block of `size` bytes."""
    return bytes(-size % BLOCK)


def stored_bytes(entry: Entry) -> int:
    """How many bytes of data the entry has in the archive, without its map."""
    return entry.size if entry.segments is None else sum(length for _, length in entry.segments)


def _sparse_map(entry: Entry) -> bytes:
    if entry.segments is None:
        return b""
    numbers = [len(entry.segments), *(number for segment in entry.segments for number in segment)]
    text = b"".join(b"%d\n" % number for number in numbers)
    return text + padding(len(text))


def _records(entry: Entry, name: bytes, stored: int) -> Mapping[bytes, bytes]:
    """What ustar's fields cannot hold."""
    records = {b"SCHILY.xattr." + os.fsencode(key): value for key, value in entry.xattrs.items()}
    seconds, fraction = divmod(entry.mtime_ns, 1_000_000_000)
    if fraction or not 0 <= seconds < 1 << 33:
        records[b"mtime"] = _seconds(entry.mtime_ns)
    if _is_odd(entry.target):
        records[b"linkpath"] = entry.target
    for key, number, most in ((b"size", stored, 1 << 33), (b"uid", entry.uid, 1 << 21), (b"gid", entry.gid, 1 << 21)):
        if number >= most:
            records[key] = b"%d" % number
    if entry.segments is not None:
        records |= {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0", b"GNU.sparse.name": name}
        records[b"GNU.sparse.realsize"] = b"%d" % entry.size
    elif _is_odd(name):
        records[b"path"] = name
    return records


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value`, where the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _seconds(time_ns: int) -> bytes:
    sign = b"-" if time_ns < 0 else b""
    seconds, fraction = divmod(abs(time_ns), 1_000_000_000)
    return b"%s%d.%09d" % (sign, seconds, fraction)


def _is_odd(text: bytes) -> bool:
    return len(text) > _NAME_BYTES or not text.isascii()


def _base(name: bytes) -> bytes:
    return name.rstrip(b"/").rpartition(b"/")[2][:64]


def _block(
    name: bytes,
    flag: bytes,
    size: int,
    *,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    mtime_s: int = 0,
    target: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    """One ustar header; what does not fit is cut, since a record in front of it says it whole."""
    fields = [
        _text(name, _NAME_BYTES),
        _octal(mode, 8),
        _octal(uid, 8),
        _octal(gid, 8),
        _octal(size, 12),
        _octal(max(mtime_s, 0), 12),
        b" " * 8,
        flag,
        _text(target, _NAME_BYTES),
        b"ustar\x0000",
        bytes(64),
        _octal(device[0], 8),
        _octal(device[1], 8),
        bytes(167),
    ]
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _text(value: bytes, width: int) -> bytes:
    return value[:width].ljust(width, b"\0")


def _octal(value: int, width: int) -> bytes:
    most = 8 ** (width - 1) - 1
    return b"%0*o\0" % (width - 1, min(value, most))
