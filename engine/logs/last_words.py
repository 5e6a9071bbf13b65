"""The last bytes a run of a container wrote, as its shim finds them: next to no decoding, next to no imports."""

from __future__ import annotations

import os
from _json import scanstring  # `json` is not for a shim to carry

from engine.logs.format import END, RECORD, segment_number, segment_path

_RECORDS_AT_ONCE = 256
_BEGINNING = b'{"log":"'
_KIND = 15  # the low four bits


def last_words(folder: str, limit: int) -> bytes:
    """At most `limit` bytes of both streams in the order they came, of the run whose end was just marked.

    Looks no further back than the newest segment. Raises OSError.
    """
    names = os.listdir(folder)
    number = max([segment_number(name) for name in names], default=0)
    if not number:
        found = [name for name in names if name.endswith("-json.log")]
        return _of_json(f"{folder}/{found[0]}", limit) if found else b""
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


def _of_json(path: str, limit: int) -> bytes:
    """The texts at the end of a file of the driver `json-file`, whichever run they are of."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        tail = os.pread(fd, 4 * limit, max(0, os.fstat(fd).st_size - 4 * limit))
    finally:
        os.close(fd)
    lines = [line for line in tail.split(b"\n") if line.startswith(_BEGINNING)]
    texts = [scanstring(line.decode(), len(_BEGINNING), False)[0] for line in lines]
    return "".join(texts).encode()[-limit:]


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
