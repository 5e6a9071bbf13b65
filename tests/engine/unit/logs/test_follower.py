"""Following a log that is being written: live lines, prompts, rotation, and the ways in which it ends."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from engine.errors import InvalidSpec
from engine.logs.format import STDERR, STDOUT
from engine.logs.lines import LogBatch, LogLine
from engine.logs.reader import LogReader
from engine.logs.writer import LogWriter
from engine.sys.watching import borrow, give_back


async def all_lines(batches: AsyncIterator[LogBatch]) -> list[LogLine]:
    async with asyncio.timeout(30):
        return [line async for batch in batches for line in batch.lines]


async def next_texts(batches: AsyncIterator[LogBatch]) -> list[bytes]:
    async with asyncio.timeout(10):
        return [line.text for line in (await anext(batches)).lines]


async def test_history_comes_first_and_then_what_is_written(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write(b"before\n", STDOUT)
    async with aclosing(LogReader(tmp_path).follow()) as batches:
        assert await next_texts(batches) == [b"before"]
        for number in range(3):
            writer.write(b"live %d\n" % number, STDERR)
            assert await next_texts(batches) == [b"live %d" % number]
        writer.mark_end(1)
        writer.close()
        with pytest.raises(StopAsyncIteration):
            await next_texts(batches)


async def test_a_time_that_comes_ends_the_following_of_a_run_that_goes_on(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write(b"in time\n", STDOUT)
    until_ns = time.time_ns() + 400_000_000
    following = asyncio.create_task(all_lines(LogReader(tmp_path).follow(until_ns=until_ns)))
    await asyncio.sleep(0.1)
    writer.write(b"just so\n", STDOUT)
    found = await following
    assert [line.text for line in found] == [b"in time", b"just so"]
    assert 0 <= time.time_ns() - until_ns < 5_000_000_000
    assert await all_lines(LogReader(tmp_path).follow(until_ns=1)) == []
    writer.close()


async def test_a_run_that_is_over_ends_at_once_after_its_history(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write(b"one\ntwo", STDOUT)
    writer.mark_end(1)
    writer.close()
    assert [line.text for line in await all_lines(LogReader(tmp_path).follow())] == [b"one", b"two"]
    assert await all_lines(LogReader(tmp_path / "never-ran").follow()) == []


async def test_a_new_run_is_followed_although_the_log_ends_with_the_end_of_the_last(tmp_path: Path) -> None:
    first = LogWriter(str(tmp_path))
    first.mark_end(1)
    first.close()
    second = LogWriter(str(tmp_path))
    following = asyncio.create_task(all_lines(LogReader(tmp_path).follow()))
    await asyncio.sleep(0.3)
    second.write(b"late\n", STDOUT)
    second.mark_end(2)
    second.close()
    assert [line.text for line in await following] == [b"late"]


async def test_a_prompt_is_seen_and_its_rest_comes_as_the_next_line(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    async with aclosing(LogReader(tmp_path).follow()) as batches:
        writer.write(b"password: ", STDOUT)
        (prompt,) = (await anext(batches)).lines
        assert (prompt.text, prompt.is_partial) == (b"password: ", True)
        writer.write(b"\n", STDOUT)
        (rest,) = (await anext(batches)).lines
        assert (rest.text, rest.is_partial) == (b"", False)
    writer.close()


@pytest.mark.parametrize("has_successor", [True, False])
async def test_a_killed_writer_ends_the_following_unless_another_goes_on(
    tmp_path: Path, has_successor: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.logs.follower.SUCCESSION_S", 1)
    program = f"""
import os, sys
from engine.logs.writer import LogWriter
from engine.sys.watching import borrow, give_back
writer = LogWriter({str(tmp_path)!r})
writer.write(b"alive", 1)
print(flush=True)
sys.stdin.read()
"""
    shim = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert shim.stdout is not None
    assert shim.stdin is not None
    await asyncio.to_thread(shim.stdout.readline)
    following = asyncio.create_task(all_lines(LogReader(tmp_path).follow()))
    await asyncio.sleep(0.5)
    assert not following.done()
    shim.kill()
    shim.wait()
    if has_successor:
        await asyncio.sleep(0.5)
        writer = LogWriter(str(tmp_path))
        writer.write(b"still alive\n", STDOUT)
        writer.mark_end(1)
        writer.close()
    assert [line.text for line in await following] == [b"alive", *([b"still alive"] if has_successor else [])]
    shim.stdin.close()
    shim.stdout.close()


async def test_an_end_that_comes_while_the_consumer_is_busy_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.logs.follower.SUCCESSION_S", 0.5)
    writer = LogWriter(str(tmp_path))
    writer.write(b"prompt> ", STDOUT)
    async with aclosing(LogReader(tmp_path).follow()) as batches:
        assert await next_texts(batches) == [b"prompt> "]
        writer.close()  # without the record of an end, as if killed
        await asyncio.sleep(0.3)
        with pytest.raises(StopAsyncIteration):
            await next_texts(batches)


async def test_rotation_takes_nothing_from_a_follower_that_falls_behind(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), segment_bytes=20_000, segments=2)
    writer.write(b"0\n", STDOUT)
    async with aclosing(LogReader(tmp_path).follow()) as batches:
        assert await next_texts(batches) == [b"0"]
        for number in range(1, 20_000):  # a good 20 segments, of which two are left
            writer.write(b"%d\n" % number, STDOUT)
            if number % 500 == 0:
                await asyncio.sleep(0.001)
        writer.mark_end(1)
        writer.close()
        assert not (tmp_path / "3.index").exists()
        lines = await all_lines(batches)
    assert [line.text for line in lines] == [b"%d" % number for number in range(1, 20_000)]


async def test_a_follower_that_stands_still_gives_up_the_oldest_of_very_many_segments_and_says_so(
    tmp_path: Path,
) -> None:
    writer = LogWriter(str(tmp_path), segment_bytes=100, segments=2)
    writer.write(b"0\n", STDOUT)
    async with aclosing(LogReader(tmp_path).follow()) as batches:
        assert await next_texts(batches) == [b"0"]
        for number in range(1, 100):
            writer.write(b"%d %s\n" % (number, b"x" * 90), STDOUT)
            await asyncio.sleep(0.001)
        writer.mark_end(1)
        writer.close()
        lost, *lines = await all_lines(batches)
    assert lost.stream == "unknown"
    assert b"older output was lost here" in lost.text
    assert [int(line.text.split()[0]) for line in lines] == list(range(100 - len(lines), 100))
    assert len(lines) >= 63


async def test_a_container_removed_meanwhile_ends_the_following(tmp_path: Path) -> None:
    log = tmp_path / "log"
    writer = LogWriter(str(log))
    writer.write(b"line\n", STDOUT)
    following = asyncio.create_task(all_lines(LogReader(log).follow()))
    await asyncio.sleep(0.3)
    shutil.rmtree(log)
    writer.close()
    assert [line.text for line in await following] == [b"line"]


async def test_many_followers_share_one_inotify_instance_and_give_it_back(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    give_back(borrow())  # one at least stands ready
    before = inotify_instances()
    following = [asyncio.create_task(all_lines(LogReader(tmp_path).follow())) for _ in range(50)]
    await asyncio.sleep(0.5)
    assert inotify_instances() == before
    writer.write(b"for all\n", STDOUT)
    writer.mark_end(1)
    writer.close()
    for lines in await asyncio.gather(*following):
        assert [line.text for line in lines] == [b"for all"]
    assert inotify_instances() == before


async def test_leaving_gives_the_files_back(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write(b"line\n", STDOUT)
    give_back(borrow())
    before = len(os.listdir("/proc/self/fd"))
    async with aclosing(LogReader(tmp_path).follow()) as batches:
        await anext(batches)
    following = asyncio.create_task(all_lines(LogReader(tmp_path).follow()))
    await asyncio.sleep(0.1)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) == before
    writer.close()


async def test_a_quiet_log_costs_its_follower_nothing(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write(b"line\n", STDOUT)
    following = asyncio.create_task(all_lines(LogReader(tmp_path).follow()))
    await asyncio.sleep(0.5)
    before = os.times()
    await asyncio.sleep(1)
    after = os.times()
    assert (after.user + after.system) - (before.user + before.system) <= 0.02
    writer.mark_end(1)
    writer.close()
    await following


def test_a_forged_cursor_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    async def follow() -> None:
        await all_lines(LogReader(tmp_path).follow(after="../../etc"))

    with pytest.raises(InvalidSpec, match="after"):
        asyncio.run(follow())


def inotify_instances() -> int:
    links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
    return sum(os.path.islink(link) and os.readlink(link) == "anon_inode:inotify" for link in links)
