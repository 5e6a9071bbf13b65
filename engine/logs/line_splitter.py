"""Cuts what a container writes into messages, as Docker does: a line each, and 16 KiB of a line that is longer."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGE_BYTES = 16 << 10


class LineSplitter:
    """Holds back, for each stream, the line that is not finished."""

    def __init__(self) -> None:
        self._unfinished: dict[int, bytes] = {}

    def feed(self, data: bytes | memoryview, stream: int) -> Iterator[tuple[bytes, bool]]:
        """The messages that `data` completes, without their newline, and whether each is only a part of its line."""
        text = self._unfinished.pop(stream, b"") + data
        start = 0
        while True:
            newline = text.find(b"\n", start, start + MESSAGE_BYTES + 1)
            if newline >= 0:
                yield text[start:newline], False
                start = newline + 1
            elif len(text) - start > MESSAGE_BYTES:
                yield text[start : start + MESSAGE_BYTES], True
                start += MESSAGE_BYTES
            else:
                break
        if start < len(text):
            self._unfinished[stream] = text[start:]

    def flush(self) -> Iterator[tuple[int, bytes]]:
        """The unfinished lines and their streams, as nothing more comes of them."""
        while self._unfinished:
            yield self._unfinished.popitem()
