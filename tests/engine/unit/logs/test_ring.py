"""The mode `non-blocking`: what waits for a log that stands still, what is dropped, and how that is told."""

import os
import re
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from engine.logs.format import STDERR, STDOUT
from engine.logs.opening import RING, open_log
from engine.logs.reader import LogReader
from engine.logs.ring import Ring
from engine.logs.writer import LogWriter
from tests.services.processes import wait_until

LIMIT = 100 << 10
LINE = b"%0399d\n"


class Gate:
    """Lets a log write, or not."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.is_met = threading.Event()
        self.open.set()

    def before(self, write: Callable[[bytes, int], None]) -> Callable[[bytes, int], None]:
        def wait_and_write(data: bytes, stream: int) -> None:
            self.is_met.set()
            assert self.open.wait(30)
            write(data, stream)

        return wait_and_write

    def close(self) -> None:
        self.open.clear()
        self.is_met.clear()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Stands before every `LogWriter`."""
    made = Gate()
    write = LogWriter.write
    monkeypatch.setattr(
        LogWriter, "write", lambda self, data, stream: made.before(lambda *piece: write(self, *piece))(data, stream)
    )
    yield made
    made.open.set()


def open_ring(folder: Path, limit_bytes: int = LIMIT) -> Any:
    return open_log([RING, limit_bytes, ["local", 1 << 30, 1, False]], str(folder))


def copy_all(log: Any, reader: int) -> None:
    """As a shim does, until nothing is left in the pipe."""
    while select.select([reader], (), (), 0)[0]:
        with suppress(BlockingIOError):
            log.copy_from(reader, STDOUT)


def end(log: Any) -> None:
    log.mark_end(1)
    log.close()


def texts(folder: Path, stream: str = "stdout") -> list[bytes]:
    return [line.text for batch in LogReader(folder).read() for line in batch.lines if line.stream == stream]


def dropped(folder: Path) -> list[tuple[int, int]]:
    """Bytes and lines of each report."""
    found = [re.search(rb"\[(\d+) bytes of output in (\d+) lines", text) for text in texts(folder, "unknown")]
    return [(int(match[1]), int(match[2])) for match in found if match]


def test_a_log_that_keeps_up_loses_nothing(tmp_path: Path) -> None:
    log = open_ring(tmp_path)
    reader, sink = os.pipe()
    os.set_blocking(reader, False)
    for number in range(2000):
        os.write(sink, LINE % number)
        copy_all(log, reader)
    end(log)
    assert texts(tmp_path) == [(LINE % number)[:-1] for number in range(2000)]
    assert dropped(tmp_path) == []


def test_writing_never_waits_for_a_log_that_stands_still(tmp_path: Path, gate: Gate) -> None:
    log = open_ring(tmp_path)
    gate.close()
    began = time.monotonic()
    for number in range(1000):
        log.write(LINE % number, STDOUT)
    assert time.monotonic() - began < 5
    gate.open.set()
    wait_until(lambda: log.tend() is None, "all that waited is written")
    log.write(b"a line that comes when all has been written\n", STDERR)
    end(log)
    kept = texts(tmp_path)
    assert kept == [(LINE % number)[:-1] for number in range(LIMIT // 400)]
    assert dropped(tmp_path) == [((1000 - len(kept)) * 400, 1000 - len(kept))]
    assert texts(tmp_path, "stderr") == [b"a line that comes when all has been written"]


def test_what_was_dropped_last_of_all_is_told_when_the_log_goes_on(tmp_path: Path, gate: Gate) -> None:
    log = open_ring(tmp_path)
    gate.close()
    for number in range(1000):
        log.write(LINE % number, STDOUT)
    gate.open.set()
    wait_until(lambda: dropped(tmp_path) == [(1000 * 400 - LIMIT // 400 * 400, 1000 - LIMIT // 400)], "it is told")
    end(log)


def test_only_whole_lines_are_dropped(tmp_path: Path, gate: Gate) -> None:
    """Whatever the pieces in which they come."""
    log = open_ring(tmp_path, 4096)
    output = b"".join(b"%d:%s\n" % (number, b"x" * (number % 300)) for number in range(2000))
    lines = set(output.splitlines())
    for start in range(0, len(output), 777):
        if start // 777 % 40 == 0:
            gate.close()
        if start // 777 % 40 == 20:
            gate.open.set()
            wait_until(lambda: log.tend() is None, "all that waited is written")
        log.write(output[start : start + 777], STDOUT)
    gate.open.set()
    end(log)
    kept = texts(tmp_path)
    missing = [line for line in kept if line not in lines]
    told = dropped(tmp_path)
    assert len(told) > 3
    assert sum(len(line) + 1 for line in kept) + sum(size for size, _ in told) == len(output)
    # The beginning of a line had been taken when there was no room for its end.
    assert len(missing) <= len(told)
    assert all(any(line.startswith(begun) for line in lines) for begun in missing)


def test_a_line_larger_than_the_ring_is_taken_when_nothing_else_waits(tmp_path: Path, gate: Gate) -> None:
    log = open_ring(tmp_path, 1024)
    gate.close()
    log.write(b"a" * 5000 + b"\n", STDOUT)
    log.write(b"dropped\n", STDOUT)
    gate.open.set()
    end(log)
    assert texts(tmp_path) == [b"a" * 5000]
    assert dropped(tmp_path) == [(8, 1)]


def test_output_without_lines_comes_again_after_a_drop(tmp_path: Path, gate: Gate) -> None:
    log = open_ring(tmp_path)
    gate.close()
    for _ in range(30):
        log.write(b"." * 8000, STDOUT)
    gate.open.set()
    wait_until(lambda: log.tend() is None, "all that waited is written")
    for _ in range(10):
        log.write(b"o" * 8000, STDOUT)
    end(log)
    written = b"".join(texts(tmp_path))
    assert written.count(b".") == LIMIT // 8000 * 8000
    assert written.endswith(b"o" * 64_000)
    [(size, lines)] = dropped(tmp_path)
    assert (len(written) + size, lines) == (320_000, 0)


def test_nothing_is_dropped_while_the_program_has_room_in_its_pipe(tmp_path: Path, gate: Gate) -> None:
    log = open_ring(tmp_path, 16 << 10)
    reader, sink = os.pipe()
    for fd in (reader, sink):
        os.set_blocking(fd, False)
    gate.close()
    log.write(b"x" * (16 << 10), STDOUT)
    for number in range(80):  # 32,000 bytes, of the 65,536 that fit
        os.write(sink, LINE % number)
    with pytest.raises(BlockingIOError):
        log.copy_from(reader, STDOUT)
    for number in range(0, 1000, 10):
        assert os.write(sink, b"".join(LINE % number for _ in range(10))) == 4000
        with suppress(BlockingIOError):
            log.copy_from(reader, STDOUT)
    gate.open.set()
    copy_all(log, reader)
    end(log)
    assert len(dropped(tmp_path)) == 1


def test_there_is_a_thread_only_while_something_waits(tmp_path: Path, gate: Gate) -> None:
    log = open_ring(tmp_path)
    before = set(os.listdir("/proc/self/task"))
    gate.close()
    log.write(b"waits\n", STDOUT)
    assert gate.is_met.wait(10)
    assert set(os.listdir("/proc/self/task")) - before
    assert log.tend() is not None
    gate.open.set()
    wait_until(lambda: log.tend() is None, "all is written")
    wait_until(lambda: not set(os.listdir("/proc/self/task")) - before, "the thread is gone")
    end(log)


def test_a_log_that_fails_tells_whoever_writes_next(tmp_path: Path) -> None:
    class Failing(LogWriter):
        def write(self, data: bytes | memoryview, stream: int) -> None:
            raise RuntimeError("nobody expected this")

    kept = Failing(str(tmp_path))
    log = Ring(lambda: kept, LIMIT)
    with suppress(RuntimeError):  # the thread may have failed already
        log.write(b"line\n", STDOUT)

    def has_failed() -> bool:
        with suppress(RuntimeError):
            return log.tend() is None
        return True

    wait_until(has_failed, "the thread has failed")
    with pytest.raises(RuntimeError, match="nobody expected"):
        log.write(b"line\n", STDOUT)
    kept.close()


def test_the_reports_of_a_json_file_are_of_stderr(tmp_path: Path, gate: Gate) -> None:
    log = open_log([RING, 1024, ["json-file", "c-json.log", 0, 1, False]], str(tmp_path))
    gate.close()
    log.write(b"first\n" * 100, STDOUT)
    log.write(b"second\n" * 1000, STDOUT)
    gate.open.set()
    end(log)
    lines = [line for batch in LogReader(tmp_path, "json-file").read() for line in batch.lines]
    assert {line.text for line in lines if line.stream == "stdout"} == {b"first", b"second"}
    [told] = [line.text for line in lines if line.stream == "stderr"]
    assert b"were dropped here" in told
    assert {line.stream for line in lines} == {"stdout", "stderr"}
