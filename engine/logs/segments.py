"""Reads a log's segments from disk: opens them, keeps them open while they are needed, takes them apart into pieces."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from engine.logs.data import open_data
from engine.logs.format import LOST, RECORD, segment_number, segment_path

GAP = -1  # the kind of a piece that stands for segments which are there no more; never on disk
PIECE_BYTES = 8 << 10
_WINDOW_BYTES = 64 << 10
_BLOCK_RECORDS = 1024


class Position(NamedTuple):
    """A place in the log: the segment's number, the record's number in it, an offset into the record's bytes."""

    segment: int
    record: int
    offset: int

    def advanced(self, length: int) -> Position:
        """The position `length` bytes further on in the same record."""
        return Position(self.segment, self.record, self.offset + length)


class Piece(NamedTuple):
    """A record or a part of one, at most `PIECE_BYTES` long; `number` belongs to an event, which has no data.

    `after` is the position just behind it.
    """

    position: Position
    after: Position
    time_ns: int
    kind: int
    number: int
    data: bytes


class _Record(NamedTuple):
    number: int
    start: int
    end: int
    time_ns: int
    word: int


class Segment:
    """One open segment. It stays readable after its files are removed, for as long as it is open."""

    def __init__(self, folder: Path, number: int) -> None:
        """Open segment `number`; raises `FileNotFoundError` if it has been removed."""
        self.number = number
        self._window, self._window_start = b"", 0
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        self._index = os.open(segment_path(str(folder), number, "index"), flags)
        try:
            self._data = open_data(segment_path(str(folder), number, "data"))
        except FileNotFoundError:
            os.close(self._index)
            raise

    @property
    def index_fd(self) -> int:
        """The open index file, to be watched for changes."""
        return self._index

    def close(self) -> None:
        """Give the files back."""
        os.close(self._index)
        self._data.close()

    def record_count(self) -> int:
        """How many whole records there are by now."""
        return os.fstat(self._index).st_size // RECORD.size

    def end(self) -> Position:
        """The position behind everything that is there by now."""
        return Position(self.number, self.record_count(), 0)

    def last_kind(self) -> int:
        """The kind of the newest record, 0 if there is none."""
        count = self.record_count()
        return self._records(count - 1, 1)[0].word & 0xF if count else 0

    def pieces(self, start: Position) -> Iterator[Piece]:
        """Every piece from `start` on that is there by now."""
        first, skip = start.record, start.offset
        while block := self._records(first, _BLOCK_RECORDS):
            for record in block:
                yield from self._pieces_of(record, skip, block[-1].end)
                skip = 0
            first = block[-1].number + 1

    def pieces_backward(self) -> Iterator[Piece]:
        """Every piece that is there by now, the last one first."""
        last = self.record_count()
        while last > 0:
            first = max(0, last - _BLOCK_RECORDS)
            for record in reversed(self._records(first, last - first)):
                yield from reversed(list(self._pieces_of(record, 0, record.end)))
            last = first

    def _pieces_of(self, record: _Record, skip: int, known_end: int) -> Iterator[Piece]:
        kind, number = record.word & 0xF, record.word >> 4
        position = Position(self.number, record.number, skip)
        following = Position(self.number, record.number + 1, 0)
        start = record.start + skip
        if start >= record.end:
            yield Piece(position, following, record.time_ns, kind, number, b"")
        while start < record.end:
            data = self._read(start, min(PIECE_BYTES, record.end - start), known_end)
            if not data:  # the crash of a machine kept the record and took the bytes
                yield Piece(position, following, record.time_ns, LOST, record.end - start, b"")
                return
            start += len(data)
            after = position.advanced(len(data)) if start < record.end else following
            yield Piece(position, after, record.time_ns, kind, 0, data)
            position = after

    def _records(self, first: int, count: int) -> list[_Record]:
        """At most `count` records from number `first` on; each begins where the one before it ends."""
        skipped = min(first, 1)
        block = os.pread(self._index, (skipped + count) * RECORD.size, (first - skipped) * RECORD.size)
        records: list[_Record] = []
        start = 0
        for number, (time_ns, end, word) in enumerate(_whole_records(block), first - skipped):
            if number >= first:
                records.append(_Record(number, start, end, time_ns, word))
            start = end
        return records

    def _read(self, start: int, length: int, known_end: int) -> bytes:
        """Bytes of the data file through a window, which never reaches past `known_end`: beyond, bytes can change."""
        offset = start - self._window_start
        if not 0 <= offset <= offset + length <= len(self._window):
            self._window = self._data.read(min(_WINDOW_BYTES, known_end - start), start)
            self._window_start, offset = start, 0
        return self._window[offset : offset + length]


class AnySegment(Protocol):
    """What `engine.logs.scan` needs of an open segment, whatever its format; see `Segment`."""

    number: int

    @property
    def index_fd(self) -> int: ...
    def close(self) -> None: ...
    def end(self) -> Position: ...
    def last_kind(self) -> int: ...
    def pieces(self, start: Position) -> Iterator[Piece]: ...
    def pieces_backward(self) -> Iterator[Piece]: ...


class Segments(ABC):
    """The segments of one log from the oldest still there, or still needed, to the newest; all open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: deque[AnySegment] = deque()
        self.refresh()

    @abstractmethod
    def _open_new(self, newest: int) -> Iterator[AnySegment]:
        """Open those with numbers above `newest`, in order."""

    def __iter__(self) -> Iterator[AnySegment]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    @property
    def newest(self) -> AnySegment | None:
        """The segment that is being written, None if there is no log."""
        return self._open[-1] if self._open else None

    def refresh(self) -> None:
        """Open the segments that came since."""
        self._open.extend(self._open_new(self._open[-1].number if self._open else 0))

    def drop_oldest(self) -> None:
        """Close the oldest segment."""
        self._open.popleft().close()

    def drop_before(self, number: int) -> None:
        """Close every segment before `number`."""
        while self._open and self._open[0].number < number:
            self.drop_oldest()

    def at_or_after(self, number: int) -> AnySegment | None:
        """The first open segment whose number is `number` or more."""
        return next((segment for segment in self._open if segment.number >= number), None)

    def end(self) -> Position:
        """The position behind everything that is there by now."""
        if not self._open:
            return Position(1, 0, 0)
        return self._open[-1].end()

    def close(self) -> None:
        """Close them all."""
        while self._open:
            self.drop_oldest()


class LocalSegments(Segments):
    """Those of a log in the engine's own format."""

    def _open_new(self, newest: int) -> Iterator[Segment]:
        for number in sorted(n for n in map(segment_number, _names_in(self._folder)) if n > newest):
            try:
                yield Segment(self._folder, number)
            except FileNotFoundError:  # rotated away meanwhile; the gap in the numbers tells of it
                continue


def _whole_records(block: bytes) -> Iterator[tuple[int, int, int]]:
    return RECORD.iter_unpack(block[: len(block) // RECORD.size * RECORD.size])


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:  # a container that never ran, or was removed
        return []
