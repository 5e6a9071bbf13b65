"""Reads a stream ahead in a thread of its own: one core receives, inflates and hashes while another unpacks.

Worth it since sockets, files, hashes and decompressors all let go of the interpreter while they work.
"""

import io
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from engine.images.tar.streams import CHUNK, Readable

PIECES = 4
"""Pieces of `CHUNK` bytes that wait at most; with the one being made and the one being read, the memory it takes."""
_LOOK_UP_EVERY_S = 0.1


class ReadAhead(io.RawIOBase):
    """The bytes of `source`, and its error where it raises one; a context manager that ends the thread.

    `on_wait` is called by the reader for every piece and while it waits for one; it may raise to stop the reading.
    """

    def __init__(self, source: Readable, *, on_wait: Callable[[], None]) -> None:
        super().__init__()
        self._source, self._on_wait = source, on_wait
        self._pieces: queue.Queue[bytes | BaseException] = queue.Queue(PIECES)
        self._left = memoryview(b"")
        self._is_at_end = self._is_over = False
        self._thread = threading.Thread(target=self._read_all, name="read-ahead", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """End the thread, after the piece it works on."""
        self._is_over = True
        self._thread.join()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # io calls it with a writable buffer
        if not self._left and not self._is_at_end:
            self._left = memoryview(self._next())
        count = min(len(view), len(self._left))
        view[:count], self._left = self._left[:count], self._left[count:]
        return count

    def _next(self) -> bytes:
        while True:
            self._on_wait()
            try:
                piece = self._pieces.get(timeout=_LOOK_UP_EVERY_S)
            except queue.Empty:
                continue
            if isinstance(piece, BaseException):
                raise piece
            self._is_at_end = not piece
            return piece

    def _read_all(self) -> None:
        try:
            while not self._is_over and (piece := self._source.read(CHUNK)):
                self._put(piece)
            self._put(b"")
        except BaseException as error:  # the reader raises it
            self._put(error)

    def _put(self, piece: bytes | BaseException) -> None:
        while not self._is_over:
            with suppress(queue.Full):
                self._pieces.put(piece, timeout=_LOOK_UP_EVERY_S)
                break
