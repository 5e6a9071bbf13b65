"""attach, standard input and terminals of a container's own program."""

import asyncio
import hashlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import pytest

from engine import (
    Conflict,
    ConsoleSize,
    ExecSpec,
    InvalidSpec,
    LogConfig,
    LogDriver,
    NotFound,
    Output,
    Session,
    Status,
)
from tests.services.host import Host
from tests.services.processes import wait_until

_TIMEOUT_S = 20


class Reader:
    """Reads what comes while a test does something else."""

    def __init__(self, outputs: AsyncIterator[Output]) -> None:
        self._outputs = outputs
        self.seen: dict[str, bytes] = {"stdout": b"", "stderr": b"", "unknown": b""}
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for output in self._outputs:
            self.seen[output.stream] += output.data
            self._news.set()

    async def until(self, holds: Callable[[bytes], bool]) -> bytes:
        """Standard output as soon as it is as wanted."""
        async with asyncio.timeout(_TIMEOUT_S):
            while not holds(self.seen["stdout"]):
                await self._news.wait()
                self._news.clear()
        return self.seen["stdout"]

    async def end(self) -> dict[str, bytes]:
        """Everything, once no more comes."""
        async with asyncio.timeout(_TIMEOUT_S):
            await self.task
        return self.seen


@asynccontextmanager
async def reading(session: Session) -> AsyncIterator[Reader]:
    async with aclosing(session.output()) as outputs:
        reader = Reader(outputs)
        yield reader
        reader.task.cancel()
        await asyncio.gather(reader.task, return_exceptions=True)


@pytest.mark.v2
async def test_input_reaches_the_program_and_ends_with_the_first_who_leaves(host: Host) -> None:
    container = host.start("sh", "-c", "cat; echo over >&2; sleep 0.1; echo more", open_stdin=True, stdin_once=True)
    with host.engine.attach(container, stdin=True) as attachment:
        async with reading(attachment) as reader:
            assert await attachment.write(b"one\n")
            await reader.until(lambda seen: seen == b"one\n")
            await attachment.close_input()
            assert await reader.end() == {"stdout": b"one\nmore\n", "stderr": b"over\n", "unknown": b""}
    assert host.wait(container).exit_code == 0


async def test_input_for_one_ends_also_with_who_leaves_without_a_word(host: Host) -> None:
    container = host.start("cat", open_stdin=True, stdin_once=True)
    with host.engine.attach(container):
        pass
    assert host.engine.state(container).status is Status.RUNNING
    with host.engine.attach(container, stdin=True):
        pass
    assert host.wait(container).exit_code == 0


async def test_input_that_stays_open_can_be_joined_again(host: Host) -> None:
    container = host.start("cat", open_stdin=True)
    for word in (b"one\n", b"two\n"):
        with host.engine.attach(container, stdin=True) as attachment:
            async with reading(attachment) as reader:
                await attachment.write(word)
                await reader.until(lambda seen: seen == word)  # noqa: B023
                await attachment.close_input()
    assert host.engine.state(container).status is Status.RUNNING
    assert host.output(container) == "one\ntwo\n"


async def test_input_given_to_one_is_closed_to_others(host: Host) -> None:
    container = host.start("cat", open_stdin=True, stdin_once=True)
    with host.engine.attach(container, stdin=True) as first, host.engine.attach(container, stdin=True) as second:
        await first.write(b"one\n")
        with pytest.raises(Conflict, match="is closed"):
            await second.write(b"two\n")
        async with reading(second) as reader:
            first.close()
            await reader.end()
    assert host.wait(container).exit_code == 0


async def test_input_that_was_not_opened_is_refused(host: Host) -> None:
    container = host.start("cat")
    assert host.wait(container).exit_code == 0
    with pytest.raises(Conflict, match="not open"):
        host.engine.attach(container, stdin=True)
    container = host.start("cat", open_stdin=True)
    with host.engine.attach(container) as attachment, pytest.raises(Conflict, match="without its input"):
        await attachment.write(b"x")


@pytest.mark.v2
async def test_whoever_attaches_before_the_start_misses_nothing(host: Host) -> None:
    script = "echo first; read line; echo got $line; exit 3"
    container = host.create("sh", "-c", script, open_stdin=True, stdin_once=True)
    with host.engine.attach(container, stdin=True) as attachment:
        async with reading(attachment) as reader:
            typing = asyncio.create_task(attachment.write(b"word\n"))
            await asyncio.sleep(0.1)
            await asyncio.to_thread(host.engine.start, container)
            assert await typing
            assert (await reader.end())["stdout"] == b"first\ngot word\n"
    assert host.wait(container).exit_code == 3


async def test_a_program_that_is_over_at_once_was_seen_by_who_waited_for_it(host: Host) -> None:
    container = host.create("echo", "short")
    with host.engine.attach(container) as attachment:
        host.engine.start(container)
        host.wait(container)
        async with reading(attachment) as reader:
            assert (await reader.end())["stdout"] == b"short\n"


async def test_whoever_waits_for_a_start_that_never_comes_is_told(host: Host) -> None:
    container = host.create("cat", open_stdin=True)
    with host.engine.attach(container, stdin=True) as attachment:
        async with reading(attachment) as reader:
            typing = asyncio.create_task(attachment.write(b"x"))
            await asyncio.sleep(0.1)
            await asyncio.to_thread(host.engine.remove, container)
            assert (await reader.end())["stdout"] == b""
            with pytest.raises(NotFound):
                await typing


async def test_replay_begins_with_what_was_written_before(host: Host) -> None:
    container = host.start("sh", "-c", "echo before; read line; echo after", open_stdin=True)
    wait_until(lambda: host.output(container) == "before\n", "it has begun")
    with host.engine.attach(container) as late, host.engine.attach(container, stdin=True, replay=True) as attachment:
        async with reading(attachment) as reader, reading(late) as other:
            await attachment.write(b"\n")
            assert (await reader.end())["stdout"] == b"before\nafter\n"
            assert (await other.end())["stdout"] == b"after\n"


@pytest.mark.v2
async def test_a_terminal_echoes_at_once_is_sized_and_left_by_keys(host: Host) -> None:
    container = host.start("sh", tty=True, open_stdin=True, env=("PS1=> ",))
    with host.engine.attach(container, stdin=True) as attachment:
        async with reading(attachment) as reader:
            await attachment.resize(ConsoleSize(33, 111))
            await attachment.write(b"stty size\n")
            await reader.until(lambda seen: b"33 111" in seen)
            await attachment.write(b"x")
            began = time.monotonic()
            await reader.until(lambda seen: seen.endswith(b"x"))
            assert time.monotonic() - began < 5
            assert await attachment.write(b"\x10")
            assert not await attachment.write(b"\x11never typed")
    assert host.engine.state(container).status is Status.RUNNING
    host.engine.resize(container, ConsoleSize(44, 122))
    with host.engine.attach(container, stdin=True, detach_keys="ctrl-a") as attachment:
        async with reading(attachment) as reader:
            await attachment.write(b"\nstty size; exit 4\n\x10")
            assert b"44 122" in (await reader.end())["stdout"]
            assert not await attachment.write(b"\x01")
    assert host.wait(container).exit_code == 4
    with pytest.raises(Conflict, match="is not running"):
        host.engine.resize(container, ConsoleSize(1, 1))


@pytest.mark.parametrize("driver", [LogDriver.JSON_FILE, LogDriver.NONE])
async def test_what_is_typed_comes_back_at_once_whatever_keeps_the_log(host: Host, driver: LogDriver) -> None:
    container = host.start("sh", tty=True, open_stdin=True, env=("PS1=> ",), log=LogConfig(driver))
    with host.engine.attach(container, stdin=True) as attachment:
        async with reading(attachment) as reader:
            await attachment.write(b"echo one")
            await reader.until(lambda seen: seen.endswith(b"echo one"))
            await attachment.write(b"; exit 3\n")
            assert b"\none\r\n" in (await reader.end())["stdout"]
    assert host.wait(container).exit_code == 3


async def test_docker_files_are_replayed_and_miss_nothing_that_was_waited_for(host: Host) -> None:
    script = "echo before; read line; printf after"
    container = host.create("sh", "-c", script, open_stdin=True, log=LogConfig(LogDriver.JSON_FILE))
    with host.engine.attach(container) as early:
        host.engine.start(container)
        wait_until(lambda: host.output(container) == "before\n", "it has begun")
        with host.engine.attach(container, stdin=True, replay=True) as attachment:
            async with reading(attachment) as reader:
                await attachment.write(b"\n")
                assert (await reader.end())["stdout"] == b"before\nafter"
        host.wait(container)
        async with reading(early) as reader:
            assert (await reader.end())["stdout"] == b"before\nafter"


async def test_what_cannot_be_done_is_refused(host: Host) -> None:
    container = host.start("sleep", "60")
    with pytest.raises(InvalidSpec, match="detach_keys"):
        host.engine.attach(container, detach_keys="nonsense")
    with pytest.raises(Conflict, match="has no terminal"):
        host.engine.resize(container, ConsoleSize(1, 1))
    with pytest.raises(InvalidSpec, match=r"size\.height"):
        host.engine.resize(container, ConsoleSize(70000, 1))
    host.engine.pause(container)
    with pytest.raises(Conflict, match="is paused"):
        host.engine.attach(container)
    host.engine.unpause(container)


async def test_one_who_does_not_read_holds_up_nobody_and_loses_nothing(host: Host) -> None:
    script = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo line $i; done"
    container = host.create("sh", "-c", script)
    with host.engine.attach(container) as slow:
        host.engine.start(container)
        assert host.wait(container, timeout_s=60).exit_code == 0
        async with reading(slow) as reader:
            assert (await reader.end())["stdout"] == b"".join(b"line %d\n" % n for n in range(1, 100_001))


async def test_a_large_input_arrives_whole_however_slowly_it_is_read(host: Host) -> None:
    container = host.start("sh", "-c", "sleep 0.2; md5sum", open_stdin=True, stdin_once=True)
    data = b"0123456789abcdef" * (1 << 18)  # 4 MiB, four times what the pipe holds
    with host.engine.attach(container, stdin=True) as attachment:
        async with reading(attachment) as reader:
            async with asyncio.timeout(_TIMEOUT_S):
                await attachment.write(data)
            await attachment.close_input()
            assert (await reader.end())["stdout"].split()[0] == hashlib.md5(data).hexdigest().encode()  # noqa: S324


async def test_input_and_terminal_survive_launcher_and_shim(host: Host) -> None:
    container = host.start("cat", open_stdin=True, stdin_once=True)
    shim = int((host.home / "containers" / container / "shim.lock").read_text())
    host.restart_launcher()
    with host.engine.attach(container, stdin=True) as attachment:
        async with reading(attachment) as reader:
            await attachment.write(b"one\n")
            await reader.until(lambda seen: seen == b"one\n")
            os.kill(shim, signal.SIGKILL)
            await attachment.write(b"two\n")
            await reader.until(lambda seen: seen == b"one\ntwo\n")
            await attachment.close_input()
            await reader.end()
    assert host.wait(container).exit_code in (0, 255)  # 255 where the kernel keeps no exit status (before 6.15)


async def test_a_program_that_exec_started_is_joined_the_same_way(host: Host) -> None:
    container = host.start("sleep", "60")
    running = host.engine.exec(container, ExecSpec(("sh", "-c", "cat; echo over >&2; exit 6"), stdin=True))
    session = running.session()
    async with reading(session) as reader:
        await session.write(b"one\n")
        await reader.until(lambda seen: seen == b"one\n")
        await session.close_input()
        assert await reader.end() == {"stdout": b"one\n", "stderr": b"over\n", "unknown": b""}
    assert (await session.wait()).exit_code == 6
    session.close()


async def test_a_terminal_of_exec_is_left_by_keys(host: Host) -> None:
    container = host.start("sleep", "60")
    session = host.engine.exec(container, ExecSpec(("cat",), terminal=True)).session(detach_keys="ctrl-x,y")
    async with reading(session) as reader:
        assert await session.write(b"a\x18b")
        await reader.until(lambda seen: seen == b"a^Xb")
        assert not await session.write(b"\x18y")
    session.close()
    wait_until(lambda: not host.engine.exec_states(container)[0].running, "it was hung up")
