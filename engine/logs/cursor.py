"""The cursor of a log reader as a string: where to go on so that nothing comes twice and nothing is missed."""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.errors import InvalidSpec
from engine.logs.format import STDERR, STDOUT, UNKNOWN
from engine.logs.segments import Position

_POSITION = r"(\d{1,12})\.(\d{1,12})\.(\d{1,12})"
_CURSOR = re.compile(rf"{_POSITION}((?:,[123]:{_POSITION})*)", re.ASCII)
_STREAM = re.compile(rf"([123]):{_POSITION}", re.ASCII)


class Cursor(NamedTuple):
    """How far a reader came: everything before `front` was read, and delivered except for what `streams` says.

    `streams` holds, for a stream with an unfinished line, the position of the first byte not delivered.
    """

    front: Position
    streams: dict[int, Position]

    def of(self, stream: int) -> Position:
        """Where to go on in `stream`."""
        return self.streams.get(stream, self.front)

    def first(self) -> Position:
        """Where reading has to begin so that every stream gets what is its due."""
        return min(self.of(stream) for stream in (STDOUT, STDERR, UNKNOWN))

    def __str__(self) -> str:
        streams = (f",{stream}:{_text(position)}" for stream, position in sorted(self.streams.items()))
        return _text(self.front) + "".join(streams)


def parse_cursor(text: str) -> Cursor:
    """Read back what `str(cursor)` wrote; anything else is `InvalidSpec`, since a cursor comes from outside."""
    match = _CURSOR.fullmatch(text[:200])
    if match is None:
        raise InvalidSpec(
            "after", f"{text[:40]!r} is not a cursor of this log", hint="give back a cursor as it came with a batch"
        )
    front = Position(*map(int, match.group(1, 2, 3)))
    streams = {int(stream): Position(*map(int, position)) for stream, *position in _STREAM.findall(match[4])}
    return Cursor(front, streams)


def _text(position: Position) -> str:
    return ".".join(map(str, position))
