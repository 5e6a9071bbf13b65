"""Finds where the last N lines of a log begin, reading backward only as far as it must."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.logs.cursor import Cursor
from engine.logs.format import END, LOST, STDERR, STDOUT, UNKNOWN
from engine.logs.lines import LINE_BYTES
from engine.logs.segments import Piece, Position, Segments


def tail_cursor(segments: Segments, count: int) -> Cursor:
    """The cursor behind which the last `count` lines come: those whose last bytes were written last.

    An unfinished line counts, as does a report of lost output; a line over `LINE_BYTES` counts once for each of them.
    """
    tail = _Tail(segments.end(), count)
    for piece in _backward(segments):
        if tail.is_complete():
            break
        tail.take(piece)
    return tail.cursor()


def _backward(segments: Segments) -> Iterator[Piece]:
    for segment in reversed(list(segments)):
        yield from segment.pieces_backward()


@dataclass
class _Stream:
    """One stream seen from its end: the first byte wanted so far, and whether its line goes on before that byte."""

    start: Position
    is_open: bool = False
    length: int = 0


class _Tail:
    def __init__(self, end: Position, count: int) -> None:
        self._wanted = count
        self._events = end
        self._streams = {kind: _Stream(end) for kind in (STDOUT, STDERR, UNKNOWN)}

    def is_complete(self) -> bool:
        return self._wanted == 0 and not any(stream.is_open for stream in self._streams.values())

    def cursor(self) -> Cursor:
        return Cursor(self._events, {kind: stream.start for kind, stream in self._streams.items()})

    def take(self, piece: Piece) -> None:
        if piece.kind == END:
            for stream in self._streams.values():
                stream.is_open = False
        elif piece.kind == LOST and self._wanted:
            self._wanted -= 1
            self._events = piece.position
        elif piece.data and piece.kind in self._streams:
            self._take_bytes(self._streams[piece.kind], piece)

    def _take_bytes(self, stream: _Stream, piece: Piece) -> None:
        data, upto = piece.data, len(piece.data)
        while upto:
            if not stream.is_open:
                if not self._wanted:
                    return
                self._wanted -= 1
                stream.is_open, stream.length = True, 0
                upto -= data[upto - 1] == ord("\n")
            lowest = max(0, upto - (LINE_BYTES - stream.length))
            begin = data.rfind(b"\n", lowest, upto) + 1 or lowest
            stream.length += upto - begin
            stream.is_open = begin == lowest and stream.length < LINE_BYTES
            stream.start = piece.position.advanced(begin)
            upto = begin
