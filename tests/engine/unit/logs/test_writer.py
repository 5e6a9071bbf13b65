"""The writer's side of the log: what lands in the files, and what happens when the disk or a predecessor fails."""

import os
import pty
import resource
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.logs.format import END, LOST, RECORD, STDERR, STDOUT, UNKNOWN
from engine.logs.writer import LogWriter


def records(log: Path, segment: int = 1) -> list[tuple[int, int, int]]:
    """Every record of a segment as (end, kind, number)."""
    unpacked = RECORD.iter_unpack((log / f"{segment}.index").read_bytes())
    return [(end, word & 0xF, word >> 4) for _, end, word in unpacked]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@contextmanager
def largest_file(limit_bytes: int) -> Iterator[None]:
    """Make writes past it fail as on a full disk (EFBIG); only here, since the test's own output may be a file too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_pieces_of_both_streams_lie_one_after_the_other(log: Path) -> None:
    writer = LogWriter(str(log))
    writer.write(b"out", STDOUT)
    writer.write(b"error", STDERR)
    writer.mark_end(7)
    writer.close()
    assert (log / "1.data").read_bytes() == b"outerror"
    assert records(log) == [(3, STDOUT, 0), (8, STDERR, 0), (8, END, 7)]


def test_copying_from_a_pipe_takes_what_is_ready_and_tells_the_end(log: Path) -> None:
    writer = LogWriter(str(log))
    source, sink = os.pipe2(os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        writer.copy_from(source, STDOUT)
    os.write(sink, b"hello\n")
    assert writer.copy_from(source, STDOUT) == 6
    os.close(sink)
    assert writer.copy_from(source, STDOUT) == 0
    os.close(source)
    assert (log / "1.data").read_bytes() == b"hello\n"


def test_a_terminal_that_was_hung_up_is_the_end_of_the_output(log: Path) -> None:
    writer = LogWriter(str(log))
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    os.write(slave, b"prompt> ")
    assert writer.copy_from(master, STDOUT) == 8
    os.close(slave)
    assert writer.copy_from(master, STDOUT) == 0
    os.close(master)


def test_full_segments_are_followed_by_the_next_and_the_oldest_removed(log: Path) -> None:
    writer = LogWriter(str(log), segment_bytes=100, segments=2)
    for _ in range(10):
        writer.write(b"x" * 90, STDOUT)
    assert sorted(os.listdir(log)) == ["10.data", "10.index", "9.data", "9.index", "lock"]


def test_records_count_towards_the_size_of_a_segment(log: Path) -> None:
    writer = LogWriter(str(log), segment_bytes=1000, segments=100)
    for _ in range(100):
        writer.write(b"x", STDOUT)
    assert (log / "1.index").stat().st_size <= 1000
    assert (log / "2.index").exists()


def test_bytes_without_a_record_are_kept_as_a_piece_of_an_unknown_stream(log: Path) -> None:
    writer = LogWriter(str(log))
    writer.write(b"whole", STDOUT)
    writer.close()
    with (log / "1.data").open("ab") as data, (log / "1.index").open("ab") as index:
        data.write(b"cut")
        index.write(b"torn")
    LogWriter(str(log)).close()
    assert records(log) == [(5, STDOUT, 0), (8, UNKNOWN, 0)]


def test_records_whose_bytes_a_crash_of_the_machine_took_are_dropped(log: Path) -> None:
    writer = LogWriter(str(log))
    writer.write(b"whole", STDOUT)
    writer.write(b"gone", STDOUT)
    writer.close()
    os.truncate(log / "1.data", 5)
    with (log / "1.index").open("ab") as index:
        index.write(bytes(RECORD.size))
    LogWriter(str(log)).close()
    assert records(log) == [(5, STDOUT, 0)]


def test_a_log_has_one_writer(log: Path) -> None:
    first = LogWriter(str(log))
    with pytest.raises(BlockingIOError):
        LogWriter(str(log))
    first.close()
    LogWriter(str(log)).close()


def test_output_a_full_disk_refuses_is_counted_and_told_of(log: Path) -> None:
    writer = LogWriter(str(log))
    with largest_file(4096):
        writer.write(b"x" * 4106, STDOUT)
        writer.write(b"y" * 5, STDOUT)
    writer.write(b"z", STDERR)
    writer.close()
    assert records(log) == [(4096, STDOUT, 0), (4096, LOST, 15), (4097, STDERR, 0)]


def test_output_lost_last_of_all_is_told_of_when_the_log_is_closed(log: Path) -> None:
    writer = LogWriter(str(log))
    with largest_file(4096):
        writer.write(b"x" * 4106, STDOUT)
        writer.close()
    assert records(log)[-1] == (4096, LOST, 10)


def test_the_writer_imports_next_to_nothing() -> None:
    heavy = ["json", "pathlib", "dataclasses", "typing", "re", "asyncio", "logging", "subprocess", "inspect"]
    program = f"import sys, engine.logs.writer; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
