"""Following real containers, from the moment they are started, through the death of their shim, to their end."""

import asyncio
import os
import signal

from engine import LogLine
from tests.services.host import Host


async def followed(host: Host, container: str) -> list[LogLine]:
    async with asyncio.timeout(60):
        return [line async for batch in host.engine.logs(container).follow() for line in batch.lines]


async def test_a_container_can_be_followed_from_its_start_to_its_end(host: Host) -> None:
    for _ in range(5):
        container = host.start("sh", "-c", "sleep 0.05; echo out; echo error >&2; printf unfinished")
        lines = await followed(host, container)
        assert sorted((line.stream, line.text) for line in lines) == [
            ("stderr", b"error"),
            ("stdout", b"out"),
            ("stdout", b"unfinished"),
        ]


async def test_a_second_run_is_followed_after_the_history_of_the_first(host: Host) -> None:
    container = host.start("sh", "-c", "sleep 0.1; echo run")
    assert len(await followed(host, container)) == 1
    host.wait(container)
    host.engine.start(container)
    assert len(await followed(host, container)) == 2


async def test_a_container_with_a_terminal_is_followed_as_one_stream(host: Host) -> None:
    container = host.start("sh", "-c", "echo out; echo error >&2", tty=True)
    lines = await followed(host, container)
    assert {(line.stream, line.text) for line in lines} == {("stdout", b"out\r"), ("stdout", b"error\r")}


async def test_following_survives_the_death_of_the_shim_without_missing_a_line(host: Host) -> None:
    script = "i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo $i; [ $((i % 40)) = 0 ] && sleep 0.03; done; true"
    container = host.start("sh", "-c", script)
    following = asyncio.create_task(followed(host, container))
    for wait_s in (0.3, 0.7, 1.2):
        await asyncio.sleep(wait_s)
        os.kill(int((host.home / "containers" / container / "shim.lock").read_text()), signal.SIGKILL)
    lines = await following
    assert sorted(int(text) for line in lines for text in line.text.split()) == list(range(1, 4001))
