"""The log driver json-file: Docker's lines, rotation and names, read back through the same reader."""

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from engine.logs import LogLine, LogReader
from engine.logs.json_writer import JsonWriter
from engine.logs.live import LiveLog
from engine.logs.writer import STDERR, STDOUT
from tests.services.processes import wait_until

NAME = "c0ffee-json.log"


def writer(
    folder: Path, *, size: int = 0, files: int = 1, compresses: bool = False, attributes: str = ""
) -> JsonWriter:
    return JsonWriter(str(folder), NAME, size, files, compresses, attributes)


def reader(folder: Path) -> LogReader:
    return LogReader(folder, "json-file")


def lines(folder: Path, **selection: object) -> list[LogLine]:
    return [line for batch in reader(folder).read(**selection) for line in batch.lines]  # type: ignore[arg-type]


def texts(folder: Path, **selection: object) -> list[bytes]:
    return [line.text for line in lines(folder, **selection)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_a_line_is_what_docker_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_767_225_600_120_000_000)
    log = writer(folder, attributes='{"a":"b"}')
    log.write('x "y" \\ <&> \t\x07 \u00e9\u2028'.encode() + b"\xff\n", STDOUT)
    log.write(b"half", STDERR)
    log.mark_end(1)
    log.close()
    first, second = (folder / NAME).read_text().splitlines()
    text = r"x \"y\" \\ \u003c\u0026\u003e \u0009\u0007 é\u2028\ufffd\n"
    assert first == f'{{"log":"{text}","stream":"stdout","attrs":{{"a":"b"}},"time":"2026-01-01T00:00:00.12Z"}}'
    assert json.loads(second)["log"] == "half"


def test_what_was_written_is_read(folder: Path) -> None:
    log = writer(folder)
    before = time.time_ns()
    log.write(b"one\ntw", STDOUT)
    log.write(b"err\n", STDERR)
    log.write(b"o\n\nlast", STDOUT)
    log.mark_end(1)
    log.close()
    found = lines(folder)
    assert [(line.stream, line.text, line.is_partial) for line in found] == [
        ("stdout", b"one", False),
        ("stderr", b"err", False),
        ("stdout", b"two", False),
        ("stdout", b"", False),
        ("stdout", b"last", True),
    ]
    assert all(before <= line.time_ns <= time.time_ns() for line in found)
    assert texts(folder, tail=2) == [b"", b"last"]
    assert texts(folder, since_ns=time.time_ns()) == []


def test_a_line_over_16_kib_comes_in_pieces_that_are_put_together(folder: Path) -> None:
    log = writer(folder)
    long = b"x" * 40_000
    log.write(long + b"\nshort\n", STDOUT)
    log.close()
    stored = [json.loads(line)["log"] for line in (folder / NAME).read_text().splitlines()]
    assert [len(text) for text in stored] == [16384, 16384, 40_000 - 2 * 16384 + 1, 6]
    assert b"".join(texts(folder)) == long + b"short"


@pytest.mark.parametrize("compresses", [False, True])
def test_files_rotate_by_dockers_names_and_are_read_as_one(
    folder: Path, compresses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.logs.compressing.DELAY_S", 0)
    log = writer(folder, size=4096, files=3, compresses=compresses)
    for number in range(200):
        log.write(b"line %d\n" % number, STDOUT)
    if compresses:
        log.tend()
        wait_until((folder / f"{NAME}.1.gz").exists, "it is compressed", timeout_s=20)
    ending = ".gz" if compresses else ""
    names = {name for name in os.listdir(folder) if name.startswith(NAME) and not name.endswith(".gz.new")}
    assert {NAME, f"{NAME}.1{ending}"} <= names
    assert not [name for name in names if ".3" in name]
    found = texts(folder)
    assert found[-1] == b"line 199"
    assert found == [b"line %d" % number for number in range(200 - len(found), 200)]
    assert 80 < len(found) < 200
    assert texts(folder, tail=70) == found[-70:]
    log.close()


def test_reading_goes_on_where_it_was_left_though_files_rotated(folder: Path) -> None:
    log = writer(folder, size=4096, files=4)
    seen: list[bytes] = []
    cursor = None
    for number in range(150):
        log.write(b"line %d\n" % number, STDOUT)
        if number % 7 == 0:
            for batch in reader(folder).read(after=cursor):
                seen += [line.text for line in batch.lines]
                cursor = batch.cursor
    log.close()
    seen += [line.text for batch in reader(folder).read(after=cursor) for line in batch.lines]
    assert seen == [b"line %d" % number for number in range(150)]


def test_a_follower_misses_nothing_across_rotation_and_ends_with_the_run(folder: Path) -> None:
    log = writer(folder, size=4096, files=2)

    async def follow() -> list[bytes]:
        return [line.text async for batch in reader(folder).follow() for line in batch.lines]

    async def write() -> None:
        for number in range(400):
            log.write(b"line %d\n" % number, STDOUT)
            if number % 20 == 0:
                await asyncio.sleep(0.005)
        log.mark_end(1)
        log.close()

    async def both() -> list[bytes]:
        following = asyncio.create_task(follow())
        await asyncio.sleep(0.05)
        await write()
        return await asyncio.wait_for(following, 20)

    begun = time.monotonic()
    assert asyncio.run(both()) == [b"line %d" % number for number in range(400)]
    assert time.monotonic() - begun < 4, "it does not wait for another writer"


def test_one_who_looks_on_sees_each_run_to_its_end_even_if_it_was_silent(folder: Path) -> None:
    async def look_on(text: bytes, run: int) -> list[bytes]:
        live = LiveLog(folder, "json-file", from_start=False)
        log = writer(folder)
        try:
            following = asyncio.create_task(collect(live))
            await asyncio.sleep(0.02)
            if text:
                log.write(text, STDOUT)
            log.mark_end(run)
            log.close()
            return await asyncio.wait_for(following, 4)
        finally:
            live.close()

    async def collect(live: LiveLog) -> list[bytes]:
        return [output.data async for output in live.follow()]

    folder.mkdir()
    runs = [b"", b"", b"one\n", b"", b"two\nthree\n"]
    seen = [asyncio.run(look_on(text, number)) for number, text in enumerate(runs, 1)]
    assert [b"".join(pieces) for pieces in seen] == runs
    assert texts(folder) == [b"one", b"two", b"three"]


def test_what_a_crash_left_is_mended(folder: Path) -> None:
    log = writer(folder, size=4096, files=3)
    log.write(b"whole\n", STDOUT)
    log.close()
    with (folder / NAME).open("ab") as file:
        file.write(b'{"log":"to')
    os.rename(folder / NAME, folder / f"{NAME}.1")  # a rotation that was cut short
    log = writer(folder, size=4096, files=3)
    log.write(b"next\n", STDOUT)
    log.close()
    assert texts(folder) == [b"whole", b"next"]


def test_a_line_that_is_no_json_is_shown_as_it_is(folder: Path) -> None:
    log = writer(folder)
    log.write(b"a\n", STDOUT)
    with (folder / NAME).open("ab") as file:
        file.write(b"gibberish\n")
    log.close()
    assert [(line.stream, line.text) for line in lines(folder)] == [("stdout", b"a"), ("unknown", b"gibberish")]
