"""A log on a disk that runs full, for real: a tmpfs of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.logs.format import STDOUT
from engine.logs.json_writer import JsonWriter
from engine.logs.lines import LogLine
from engine.logs.reader import LogReader
from engine.logs.writer import LogWriter

DISK_BYTES = 256 << 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", tmp_path], check=True)
    yield tmp_path
    # Lazily: a test that fails leaves its log open, and the mount must not stay for that.
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def lines_of(log: Path) -> list[LogLine]:
    return [line for batch in LogReader(log).read() for line in batch.lines]


def bytes_in(lines: list[LogLine]) -> int:
    return sum(len(line.text) + (not line.is_partial) for line in lines if line.stream == "stdout")


def bytes_lost(lines: list[LogLine]) -> list[int]:
    return [int(line.text.split()[0].strip(b"[")) for line in lines if line.stream == "unknown"]


def drain(writer: LogWriter, source: int) -> int:
    """Copy until nothing is ready; how many bytes were taken."""
    taken = 0
    with suppress(BlockingIOError):
        while length := writer.copy_from(source, STDOUT):
            taken += length
    return taken


def test_a_program_goes_on_when_the_disk_is_full_and_the_log_tells_what_was_lost(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(DISK_BYTES // 2))
    writer = LogWriter(str(small_disk / "log"))
    source, sink = os.pipe2(os.O_NONBLOCK)
    for number in range(1000):
        line = b"%0399d\n" % number
        os.write(sink, line)
        assert drain(writer, source) == len(line)
    ballast.unlink()
    os.write(sink, b"room again\n")
    drain(writer, source)
    writer.mark_end(1)
    writer.close()
    os.close(sink)
    os.close(source)
    lines = lines_of(small_disk / "log")
    (lost,) = bytes_lost(lines)
    assert bytes_in(lines) + lost == 1000 * 400 + len(b"room again\n")
    assert lines[-1].text.endswith(b"room again")


def test_rotation_goes_on_when_the_disk_was_too_full_to_begin_a_segment(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(DISK_BYTES // 2))
    writer = LogWriter(str(small_disk / "log"), segment_bytes=DISK_BYTES // 8, segments=3)
    for _ in range(200):
        writer.write(b"x" * 4095 + b"\n", STDOUT)
    ballast.unlink()
    for _ in range(100):
        writer.write(b"y" * 4095 + b"\n", STDOUT)
    writer.mark_end(1)
    writer.close()
    assert {line.text[:1] for line in lines_of(small_disk / "log")} == {b"y"}


def test_docker_files_hold_whole_lines_and_tell_what_was_lost(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(DISK_BYTES // 2))
    writer = JsonWriter(str(small_disk / "log"), "c0ffee-json.log", 0, 1, False)
    for number in range(1000):
        writer.write(b"%0399d\n" % number, STDOUT)
    ballast.unlink()
    writer.write(b"room again\n", STDOUT)
    writer.mark_end(1)
    writer.close()
    lines = [line for batch in LogReader(small_disk / "log", "json-file").read() for line in batch.lines]
    kept = [line for line in lines if line.stream == "stdout"]
    assert [line.text for line in kept[:-1]] == [b"%0399d" % number for number in range(len(kept) - 1)]
    assert kept[-1].text == b"room again"
    [told] = [line for line in lines if line.stream == "stderr"]
    assert bytes_lost([told._replace(stream="unknown")]) == [400 * (1001 - len(kept))]
