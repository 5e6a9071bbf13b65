"""A stream that is read ahead gives the same bytes and the same error, and its thread ends with it."""

import io
import threading

import pytest

from engine.errors import Cancelled
from engine.images.tar.read_ahead import PIECES, ReadAhead
from engine.images.tar.streams import CHUNK


class Endless(io.RawIOBase):
    """Zeros without end; counts the pieces that were asked for, and fails after `fails_after` of them."""

    def __init__(self, fails_after: int = 1_000_000) -> None:
        super().__init__()
        self.pieces, self._fails_after = 0, fails_after

    def read(self, size: int = -1, /) -> bytes:
        self.pieces += 1
        if self.pieces > self._fails_after:
            raise OSError("the source broke")
        return bytes(size)


def test_the_bytes_come_as_they_are() -> None:
    data = bytes(range(256)) * 20_000
    with ReadAhead(io.BytesIO(data), on_wait=lambda: None) as ahead:
        assert ahead.read() == data
        assert ahead.read(1) == b""


def test_it_holds_few_pieces_and_its_thread_ends_when_it_is_closed() -> None:
    source = Endless()
    with ReadAhead(source, on_wait=lambda: None) as ahead:
        assert ahead.read(10) == bytes(10)
    assert source.pieces <= PIECES + 2
    assert ahead._thread not in threading.enumerate()


def test_the_sources_error_comes_after_what_was_read_before_it() -> None:
    with ReadAhead(Endless(fails_after=2), on_wait=lambda: None) as ahead:
        whole = io.BufferedReader(ahead, CHUNK)
        assert len(whole.read(2 * CHUNK)) == 2 * CHUNK
        with pytest.raises(OSError, match="the source broke"):
            whole.read(1)


def test_a_reader_that_waits_can_be_told_to_stop() -> None:
    release = threading.Event()

    class Silent(Endless):
        def read(self, size: int = -1, /) -> bytes:
            release.wait(30)
            return b""

    calls = iter(range(3))

    def stop() -> None:
        if next(calls) == 2:
            release.set()
            raise Cancelled("it was cancelled")

    with ReadAhead(Silent(), on_wait=stop) as ahead, pytest.raises(Cancelled):
        ahead.read(1)
