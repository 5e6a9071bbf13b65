"""One pass over a log in batches, from wherever it was told to begin to whatever is there by now, and on from there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from engine.logs.cursor import Cursor
from engine.logs.format import END, STDERR, STDOUT, UNKNOWN
from engine.logs.lines import LineAssembler, LogBatch, LogLine, event_line
from engine.logs.segments import GAP, AnySegment, Piece, Position, Segments
from engine.logs.tail import tail_cursor

_BATCH_BYTES = 64 << 10
_BATCH_LINES = 1000
# What a follower that stands still may keep of a log beyond its rotation: 1 GiB with segments of 16 MiB.
_MOST_SEGMENTS = 64
_STREAMS = (STDOUT, STDERR, UNKNOWN)


@dataclass(frozen=True)
class Selection:
    """Which lines are wanted: the last `tail`, or those behind the cursor `after` (which goes before `tail`).

    Of these, the ones logged at `since_ns` or later and before `until_ns` (nanoseconds since 1970).
    """

    tail: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    after: Cursor | None = None

    def admitted(self, lines: list[LogLine]) -> tuple[LogLine, ...]:
        """Those of `lines` whose time is wanted."""
        if self.since_ns is None and self.until_ns is None:
            return tuple(lines)
        since_ns = 0 if self.since_ns is None else self.since_ns
        until_ns = 1 << 64 if self.until_ns is None else self.until_ns
        return tuple(line for line in lines if since_ns <= line.time_ns < until_ns)


class Scan:
    """The state of one reader. Its methods may be called from different threads; each takes about a millisecond."""

    def __init__(self, folder: Path, selection: Selection, form: type[Segments]) -> None:
        """Open the log in `folder`, which has the format that `form` reads."""
        self._lock = Lock()
        self._selection = selection
        self._lines = LineAssembler()
        self._segments = form(folder)
        self._pieces: Iterator[Piece] | None = None
        self._begun = self._beginning(selection.after)
        self._at = self._begun.first()
        self._segments.drop_before(self._at.segment)

    def next_batch(self) -> LogBatch | None:
        """The next lines; a batch without lines if all were filtered away; None if nothing more is there by now."""
        with self._lock:
            lines: list[LogLine] = []
            size = count = 0
            self._pieces = self._pieces or self._from_here()
            for piece in self._pieces:
                lines += self._lines_of(piece)
                self._at = piece.after
                size, count = size + len(piece.data), count + 1
                if size >= _BATCH_BYTES or len(lines) >= _BATCH_LINES or count >= _BATCH_LINES:
                    break
            else:
                self._pieces = None
            return self._batch(lines) if count else None

    def flush(self) -> LogBatch | None:
        """The unfinished lines as partial ones, if there are any; what comes of them later is a line of its own."""
        with self._lock:
            lines = self._lines.flush()
            return self._batch(lines) if lines else None

    def has_news(self) -> bool:
        """Whether `next_batch` would find more; opens new segments, so that rotation cannot take them away."""
        with self._lock:
            self._segments.refresh()
            if len(self._segments) > _MOST_SEGMENTS:
                self._pieces = None
                while len(self._segments) > _MOST_SEGMENTS:
                    self._segments.drop_oldest()
            return self._at < self._segments.end()

    def run_has_ended(self) -> bool:
        """Whether the log says that the last run ended, or that there was none; not so if its writer was killed."""
        with self._lock:
            newest = self._segments.newest
            return newest is None or newest.last_kind() == END

    def newest_segment(self) -> AnySegment | None:
        """The segment that is being written."""
        return self._segments.newest

    def close(self) -> None:
        """Give the files back."""
        with self._lock:
            self._pieces = None
            self._segments.close()

    def _beginning(self, after: Cursor | None) -> Cursor:
        if after is not None:
            end = self._segments.end()
            streams = {stream: min(position, end) for stream, position in after.streams.items()}
            return Cursor(min(after.front, end), streams)
        if self._selection.tail is not None:
            return tail_cursor(self._segments, self._selection.tail)
        oldest = self._segments.at_or_after(1)
        return Cursor(Position(oldest.number if oldest else 1, 0, 0), {})

    def _from_here(self) -> Iterator[Piece]:
        """Every piece from `self._at` on; moves from segment to segment and closes those left behind."""
        while (segment := self._segments.at_or_after(self._at.segment)) is not None:
            if segment.number > self._at.segment:
                yield Piece(self._at, Position(segment.number, 0, 0), time.time_ns(), GAP, 0, b"")
                continue
            is_complete = segment is not self._segments.newest
            yield from segment.pieces(self._at)
            if not is_complete:
                return
            self._at = Position(segment.number + 1, 0, 0)
            self._segments.drop_before(self._at.segment)

    def _lines_of(self, piece: Piece) -> list[LogLine]:
        lines: list[LogLine] = []
        if piece.kind in _STREAMS:
            unseen = _behind(piece, self._begun.of(piece.kind))
            return self._lines.feed(unseen) if unseen else []
        if piece.kind in (END, GAP):
            lines = self._lines.flush()
        line = event_line(piece)
        if line is not None and piece.position >= self._begun.front:
            lines.append(line)
        return lines

    def _batch(self, lines: list[LogLine]) -> LogBatch:
        return LogBatch(str(self._cursor()), self._selection.admitted(lines))

    def _cursor(self) -> Cursor:
        """Where to go on; while what a cursor had delivered already is read again, no earlier than that cursor."""
        front = max(self._at, self._begun.front)
        held_back = self._lines.held_back()
        streams = {stream: held_back.get(stream) or max(self._at, self._begun.of(stream)) for stream in _STREAMS}
        return Cursor(front, {stream: position for stream, position in streams.items() if position != front})


def _behind(piece: Piece, position: Position) -> Piece | None:
    """What of `piece` lies at or behind `position`, None if nothing does."""
    if piece.position >= position:
        return piece
    seen = position.offset - piece.position.offset
    if piece.position[:2] != position[:2] or seen >= len(piece.data):
        return None
    return piece._replace(position=position, data=piece.data[seen:])
