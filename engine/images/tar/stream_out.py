"""An archive on its way out: bytes as they are asked for, and what has to be closed when nobody asks any more."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Self

_PIECE_BYTES = 64 << 10


class TarStream(Iterator[bytes]):
    """A tar in pieces of some 64 KiB or more. Close it, or use it as a context manager; its end closes it too."""

    def __init__(self, chunks: Generator[bytes, None, None], resources: ExitStack) -> None:
        self._chunks = chunks
        self._resources = resources

    def __next__(self) -> bytes:
        try:
            piece = self._piece()
        except BaseException:
            self.close()
            raise
        if not piece:
            self.close()
            raise StopIteration
        return piece

    def _piece(self) -> bytes:
        pieces, size = [], 0
        for chunk in self._chunks:
            pieces.append(chunk)
            size += len(chunk)
            if size >= _PIECE_BYTES:
                break
        return b"".join(pieces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give everything back; what has not been asked for is never read."""
        self._chunks.close()
        self._resources.close()
