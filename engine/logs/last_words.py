"""The last bytes a run of a container wrote, as its shim finds them: next to no decoding, next to no imports."""

from __future__ import annotations

import os
from _json import scanstring  # `json` is not for a shim to carry

from engine.logs.format import END, RECORD, segment_number, segment_path

_RECORDS_AT_ONCE = 256
_BEGINNING, _TIME, _END = b'{"log":"', '"time":"', b'"}'
_KIND = 15  # the low four bits


def last_words(folder: str, limit: int, since: str = "") -> bytes:
    """At most `limit` bytes of both streams in the order they came, of the run whose end was just marked.

    What was compressed already is not looked at. `since` is when the run began, RFC 3339 in UTC: files of the driver
    `json-file` do not tell runs apart. Raises OSError.
    """
    names = os.listdir(folder)
    newest = max([segment_number(name) for name in names], default=0)
    files = [f"{folder}/{name}" for name in names if name.endswith("-json.log")] if not newest else []
    words, number = b"", newest
    for path in [*files, *(f"{path}.1" for path in files)]:
        if len(words) < limit:
            words = _of_json(path, limit - len(words), _digits(since)) + words
    while number and len(words) < limit:
        earlier, is_all = _of_segment(folder, number, limit - len(words), is_newest=number == newest)
        words = earlier + words
        number = 0 if is_all else number - 1
    return words


def _of_segment(folder: str, number: int, limit: int, *, is_newest: bool) -> tuple[bytes, bool]:
    """The run's last bytes in a segment, and whether none came before them; nothing of a segment that is gone."""
    try:
        index = os.open(segment_path(folder, number, "index"), os.O_RDONLY | os.O_CLOEXEC)
        try:
            begin, end, is_all = _extent(index, limit, is_newest=is_newest)
        finally:
            os.close(index)
        data = os.open(segment_path(folder, number, "data"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b"", True
    try:
        return os.pread(data, end - begin, begin), is_all
    finally:
        os.close(data)


def _of_json(path: str, limit: int, since: str) -> bytes:
    """The texts at the end of a file of the driver `json-file` whose time is not before `since`."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        tail = os.pread(fd, 4 * limit, max(0, os.fstat(fd).st_size - 4 * limit))
    finally:
        os.close(fd)
    lines = [line.decode() for line in tail.split(b"\n") if line.startswith(_BEGINNING) and line.endswith(_END)]
    lines = [line for line in lines if _digits(line[line.rindex(_TIME) + len(_TIME) : -len(_END)]) >= since]
    texts = [scanstring(line, len(_BEGINNING), False)[0] for line in lines]
    return "".join(texts).encode()[-limit:]


def _digits(time: str) -> str:
    """The time as text that sorts: some leave out the zeros at its end."""
    return time.removesuffix("Z").ljust(26, "0")[:26] if time else ""


def _extent(index: int, limit: int, *, is_newest: bool) -> tuple[int, int, bool]:
    """Where the bytes lie in the data file: from the end of the run before, or `limit` bytes back, to the last.

    And whether the run's output begins there. The last record of the newest segment is that of the run's own end.
    """
    at, last = os.fstat(index).st_size // RECORD.size * RECORD.size, -1
    while at:
        begin = max(0, at - _RECORDS_AT_ONCE * RECORD.size)
        records = list(RECORD.iter_unpack(os.pread(index, at - begin, begin)))
        for _, end, kind in reversed(records):
            is_end = kind & _KIND == END and not (last < 0 and is_newest)
            last = end if last < 0 else last
            if is_end or end <= last - limit:
                return max(end, last - limit), last, is_end
        at = begin
    return max(0, last - limit), max(0, last), False
