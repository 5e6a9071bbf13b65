"""Makes lines out of pieces of output, for each stream by itself, since stdout and stderr interleave anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from engine.logs.format import LOST, NUMBER_MAX, STDERR, STDOUT, UNKNOWN
from engine.logs.segments import GAP, Piece, Position

LINE_BYTES = 16 << 10
StreamName = Literal["stdout", "stderr", "unknown"]
_NAMES: dict[int, StreamName] = {STDOUT: "stdout", STDERR: "stderr", UNKNOWN: "unknown"}


class LogLine(NamedTuple):
    """One line of a container's output, without its newline; a tuple, because logs have very many of them.

    `time_ns` is when its first byte was logged (wall clock, nanoseconds since 1970). `is_partial` means that no newline
    came behind `text`: the next line of the same stream continues it, or nothing does. `text` is bytes as written.
    """

    time_ns: int
    stream: StreamName
    text: bytes
    is_partial: bool


@dataclass(frozen=True)
class LogBatch:
    """Some lines, and the cursor that goes on exactly behind them. About 64 KiB of text or a few thousand lines."""

    cursor: str
    lines: tuple[LogLine, ...]

    def to_json(self) -> dict[str, Any]:
        """`{"cursor", "lines": [[time_ns, stream, text, is_partial], …]}`, as the host agent sends it.

        Bytes that are not UTF-8 become lone surrogates (PEP 383).
        """
        lines = [
            [time_ns, stream, text.decode("utf-8", "surrogateescape"), is_partial]
            for time_ns, stream, text, is_partial in self.lines
        ]
        return {"cursor": self.cursor, "lines": lines}


class LineAssembler:
    """Holds back the unfinished line of each stream until the rest of it comes."""

    def __init__(self) -> None:
        self._unfinished: dict[int, _Unfinished] = {}

    def feed(self, piece: Piece) -> list[LogLine]:
        """The lines that `piece`, the next of its stream, finishes; a line over `LINE_BYTES` comes in partial ones."""
        name, time_ns = _NAMES[piece.kind], piece.time_ns
        *ended, rest = piece.data.split(b"\n")
        lines: list[LogLine] = []
        unfinished = self._unfinished.setdefault(piece.kind, _Unfinished(name))
        if ended:
            unfinished.add(piece.position, time_ns, ended[0])
            lines += unfinished.take_whole_pieces()
            lines.append(unfinished.take(is_partial=False))
            lines += [LogLine(time_ns, name, text, False) for text in ended[1:]]
        if rest:
            unfinished.add(piece.position.advanced(len(piece.data) - len(rest)), time_ns, rest)
            lines += unfinished.take_whole_pieces()
        return lines

    def flush(self) -> list[LogLine]:
        """What is held back, as partial lines, in the order in which the lines began."""
        held_back = sorted(filter(None, self._unfinished.values()), key=lambda line: line.position)
        return [line.take(is_partial=True) for line in held_back]

    def held_back(self) -> dict[int, Position]:
        """For each stream with an unfinished line the position of the line's first byte."""
        return {stream: line.position for stream, line in self._unfinished.items() if line}


def event_line(piece: Piece) -> LogLine | None:
    """The line an event shows as, None if it does not show."""
    if piece.kind == LOST:
        size = f"at least {piece.number}" if piece.number >= NUMBER_MAX else str(piece.number)
        return _report(piece.time_ns, f"{size} bytes of output were lost here: the disk took no more")
    if piece.kind == GAP:
        return _report(piece.time_ns, "older output was lost here: the log was rotated before it was read")
    return None


def _report(time_ns: int, text: str) -> LogLine:
    return LogLine(time_ns, "unknown", f"[{text}]".encode(), False)


class _Part(NamedTuple):
    position: Position
    time_ns: int
    data: bytes


class _Unfinished:
    """The beginning of a line, in the parts in which it came."""

    def __init__(self, name: StreamName) -> None:
        self._name: StreamName = name
        self._parts: list[_Part] = []
        self._length = 0

    def __bool__(self) -> bool:
        return bool(self._parts)

    @property
    def position(self) -> Position:
        return self._parts[0].position

    def add(self, position: Position, time_ns: int, data: bytes) -> None:
        self._parts.append(_Part(position, time_ns, data))
        self._length += len(data)

    def take(self, *, is_partial: bool) -> LogLine:
        text = b"".join([part.data for part in self._parts])
        line = LogLine(self._parts[0].time_ns, self._name, text, is_partial)
        self._parts, self._length = [], 0
        return line

    def take_whole_pieces(self) -> list[LogLine]:
        """Cut partial lines of `LINE_BYTES` off the front for as long as more than that is there."""
        lines: list[LogLine] = []
        while self._length > LINE_BYTES:
            lines.append(self._take_front(_cut_between_characters(b"".join(part.data for part in self._parts))))
        return lines

    def _take_front(self, length: int) -> LogLine:
        parts, reached = self._parts, 0
        self._parts, self._length = [], 0
        taken: list[bytes] = []
        for part in parts:
            here = min(length - reached, len(part.data))
            taken.append(part.data[:here])
            reached += here
            if here < len(part.data):
                self.add(part.position.advanced(here), part.time_ns, part.data[here:])
        return LogLine(parts[0].time_ns, self._name, b"".join(taken), True)


def _cut_between_characters(text: bytes) -> int:
    """Where to cut `text`, at `LINE_BYTES` or up to three bytes before, so that no UTF-8 character is torn."""
    cut = LINE_BYTES
    while cut > LINE_BYTES - 4 and text[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut
