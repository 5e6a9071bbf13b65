"""The last bytes a run of a container wrote, as its shim finds them: no line, no decoding, next to no imports."""

from __future__ import annotations

import os

from engine.logs.format import END, RECORD, segment_number, segment_path

_RECORDS_AT_ONCE = 256
_KIND = 15  # the low four bits


def last_words(folder: str, limit: int) -> bytes:
    """At most `limit` bytes of both streams in the order they came, of the run whose end was just marked.

    Looks no further back than the newest segment. Raises OSError.
    """
    number = max([segment_number(name) for name in os.listdir(folder)], default=0)
    if not number:
        return b""
    index = os.open(segment_path(folder, number, "index"), os.O_RDONLY | os.O_CLOEXEC)
    try:
        begin, end = _extent(index, limit)
    finally:
        os.close(index)
    data = os.open(segment_path(folder, number, "data"), os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(data, end - begin, begin)
    finally:
        os.close(data)


def _extent(index: int, limit: int) -> tuple[int, int]:
    """Where the bytes lie in the data file: from the end of the run before, or `limit` bytes back, to the last."""
    at, last = os.fstat(index).st_size // RECORD.size * RECORD.size, -1
    while at:
        begin = max(0, at - _RECORDS_AT_ONCE * RECORD.size)
        records = list(RECORD.iter_unpack(os.pread(index, at - begin, begin)))
        for _, end, kind in reversed(records):
            if last < 0:
                last = end  # the record of this run's own end
            elif kind & _KIND == END or end <= last - limit:
                return max(end, last - limit), last
        at = begin
    return max(0, last - limit), max(0, last)
