"""Reads Docker's log files as the segments that `engine.logs.scan` goes through.

The positions of a file whose lines end at bytes e, f, g are, in order: the line from byte 0 as record 1, what may have
happened at byte e as record e, the line from byte e as record e + 1, what may have happened at byte f as record f …
What can happen is the end of run number `offset`, of which the marker tells as long as it is the last.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from engine.logs.data import Data, open_data
from engine.logs.format import END, STDERR, STDOUT, UNKNOWN
from engine.logs.json_writer import Marker, read_marker
from engine.logs.segments import Piece, Position, Segments

_BLOCK_BYTES = 256 << 10
_STREAMS = {"stdout": STDOUT, "stderr": STDERR}
_ENDING = "-json.log"


class JsonSegment:
    """One open file. It stays readable after rotation has removed or compressed it."""

    def __init__(self, folder: Path, number: int, data: Data) -> None:
        self.number = number
        self._folder = folder
        self._data = data

    @property
    def index_fd(self) -> int:
        """The open file, to be watched for changes."""
        return self._data.fd

    def close(self) -> None:
        """Give the file back."""
        self._data.close()

    def record_count(self) -> int:
        """Where the last whole line ends."""
        end = self._data.size()
        start = end
        while start > 0:
            start = max(0, end - _BLOCK_BYTES)
            newline = self._data.read(end - start, start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
        return 0

    def end(self) -> Position:
        """The position behind everything that is there by now."""
        size = self.record_count()
        run = self._ended_run(size, self._marker())
        return Position(self.number, size, run + 1 if run else 0)

    def last_kind(self) -> int:
        """END if nothing was written since a run ended, else 0."""
        return END if self._ended_run(self._data.size(), self._marker()) else 0

    def pieces(self, start: Position) -> Iterator[Piece]:
        """Every piece from `start` on that is there by now."""
        place, skip = self._place(start)
        marker = self._marker()
        if place == start.record and (run := self._ended_run(place, marker)) >= max(start.offset, 1):
            yield self._end_piece(place, run)
        while block := self._data.read(_BLOCK_BYTES, place):
            whole = block[: block.rfind(b"\n") + 1]
            if not whole:
                return
            for line in _lines(whole):
                piece = self._piece(place, line)
                yield _behind(piece, skip) if skip else piece
                place, skip = place + len(line), 0
                if run := self._ended_run(place, marker):
                    yield self._end_piece(place, run)

    def pieces_backward(self) -> Iterator[Piece]:
        """Every piece that is there by now, the last one first."""
        end, marker = self.record_count(), self._marker()
        while end > 0:
            start = max(0, end - _BLOCK_BYTES)
            block = self._data.read(end - start, start)
            if start:  # the first line of the block may have begun before it
                begin = block.find(b"\n") + 1
                start, block = start + begin, block[begin:]
            place = end
            for line in reversed(_lines(block)):
                if run := self._ended_run(place, marker):
                    yield self._end_piece(place, run)
                place -= len(line)
                yield self._piece(place, line)
            end = start

    def _place(self, start: Position) -> tuple[int, int]:
        """The byte a position is about, and how much of the line there is left out: nothing where a line has ended."""
        if start.record == 0 or self._data.read(1, start.record - 1) == b"\n":
            return start.record, 0
        return start.record - 1, start.offset

    def _marker(self) -> Marker:
        return read_marker(str(self._folder))

    def _ended_run(self, place: int, marker: Marker) -> int:
        """The number of the run that ended with this byte as the last, 0 where that is not known of any."""
        return marker.run if (marker.number, marker.end) == (self.number, place) else 0

    def _end_piece(self, place: int, run: int) -> Piece:
        position = Position(self.number, place, run)
        return Piece(position, position.advanced(1), 0, END, run, b"")

    def _piece(self, place: int, line: bytes) -> Piece:
        position, after = Position(self.number, place + 1, 0), Position(self.number, place + len(line), 0)
        try:
            value = json.loads(line)
            text, kind, time_ns = value["log"].encode(), _STREAMS.get(value["stream"], UNKNOWN), _time_ns(value["time"])
        except (ValueError, KeyError, TypeError, AttributeError):  # nobody's JSON: shown as it is
            text, kind, time_ns = line, UNKNOWN, 0
        return Piece(position, after, time_ns, kind, 0, text)


class JsonSegments(Segments):
    """The files of one log, the current one last."""

    def _open_new(self, newest: int) -> Iterator[JsonSegment]:
        marker = read_marker(str(self._folder))
        names = [entry for entry in os.listdir(self._folder) if entry.endswith(_ENDING)] if marker.number else []
        if not names:
            return
        opened = self._open_files(self._folder / names[0], marker, newest)
        if read_marker(str(self._folder)).number != marker.number:  # it was rotated meanwhile: names may have moved on
            for segment in opened:
                segment.close()
            yield from self._open_new(newest)
            return
        yield from opened

    def _open_files(self, path: Path, marker: Marker, newest: int) -> list[JsonSegment]:
        """Those with numbers above `newest`, oldest first; the marker tells by inode which file its number is of."""
        found: list[Data] = []
        current = 0
        while len(found) <= marker.number + 1 - newest:
            try:
                found.append(open_data(f"{path}.{len(found)}" if found else str(path)))
            except FileNotFoundError:
                break
            if os.fstat(found[-1].fd).st_ino == marker.inode:
                current = len(found) - 1
        numbered = [(marker.number + current - age, data) for age, data in enumerate(found)]
        for number, data in numbered:
            if number <= newest:
                data.close()
        return [JsonSegment(self._folder, number, data) for number, data in reversed(numbered) if number > newest]


def _lines(block: bytes) -> list[bytes]:
    """The lines of a block that ends with one."""
    return [line + b"\n" for line in block.split(b"\n")[:-1]]


def _behind(piece: Piece, skip: int) -> Piece:
    """What of the piece is not yet read."""
    return piece._replace(position=piece.position.advanced(skip), data=piece.data[skip:])


def _time_ns(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time in UTC. Raises ValueError."""
    fraction = text[19:].rstrip("Z").lstrip(".")
    seconds = int(datetime.fromisoformat(text[:19] + "+00:00").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or "0")
