"""The host agent as its client meets it: logs, uploads, refusals, and its own end."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import pytest

from engine import Engine
from engine.logs.format import STDOUT
from engine.logs.writer import LogWriter
from panel.agent.client import AgentClient, AgentError, AgentUnavailable
from panel.environment import Environment
from tests.services.agent import CHECKOUT, start_agent

Agent = subprocess.Popen[bytes]


@pytest.fixture
def client() -> AgentClient:
    return AgentClient(Environment.from_env().agent_socket)


@pytest.fixture
def incoming() -> Path:
    return Environment.from_env().home / "images" / "incoming"


async def chunks(count: int, *, size: int = 1 << 16) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * size


async def test_it_tells_how_it_and_the_launcher_are(agent: Agent, client: AgentClient) -> None:
    told = await client.ping()
    assert told["agent"] == "ok"
    assert "does not answer" in told["launcher"]


async def test_a_container_is_told_with_its_bundle(agent: Agent, client: AgentClient, container_id: str) -> None:
    found = await client.inspect(container_id)
    assert found["state"]["status"] == "created"
    assert found["config"]["process"]["args"] == ["true"]
    with pytest.raises(AgentError) as refused:
        await client.inspect("0" * 64)
    assert refused.value.status == 404


async def test_a_log_is_followed_to_the_end_of_the_run(
    agent: Agent, client: AgentClient, writer: LogWriter, container_id: str
) -> None:
    writer.write(b"bytes that are no text: \xff\n", STDOUT)
    async with aclosing(client.logs(container_id, follow=True)) as batches:
        (line,) = (await anext(batches))["lines"]
        assert line[2].encode(errors="surrogateescape") == b"bytes that are no text: \xff"
        writer.write(b"live\n", STDOUT)
        assert [line[2] for line in (await anext(batches))["lines"]] == ["live"]
        writer.mark_end(1)
        writer.close()
        assert [batch async for batch in batches] == []


async def test_a_log_is_read_as_far_as_it_goes_without_following(
    agent: Agent, client: AgentClient, writer: LogWriter, container_id: str
) -> None:
    writer.write(b"1\n2\n3\n", STDOUT)
    batches = [batch async for batch in client.logs(container_id, tail=2)]
    assert [line[2] for batch in batches for line in batch["lines"]] == ["2", "3"]
    batches = [batch async for batch in client.logs(container_id, after=batches[-1]["cursor"])]
    assert batches == []
    writer.close()


async def test_a_following_may_end_by_the_clock(client: AgentClient, writer: LogWriter, container_id: str) -> None:
    writer.write(b"1\n", STDOUT)
    batches = client.logs(container_id, follow=True, until=time.time_ns() + 200_000_000)
    assert [line[2] async for batch in batches for line in batch["lines"]] == ["1"]
    writer.close()


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"after": "nonsense"}, 422, "invalid-spec"),
        ({"tail": "many"}, 422, "invalid-spec"),
        ({"tail": -1, "follow": True}, 422, "invalid-spec"),
        ({"follow": "perhaps"}, 422, "invalid-spec"),
        ({"follow": True, "until": "soon"}, 422, "invalid-spec"),
    ],
)
async def test_a_wrong_query_is_refused_with_a_reason(
    agent: Agent, client: AgentClient, container_id: str, query: dict[str, object], status: int, code: str
) -> None:
    with pytest.raises(AgentError) as refusal:
        await anext(client.logs(container_id, **query))
    assert (refusal.value.status, refusal.value.code) == (status, code)


@pytest.mark.parametrize(("container", "status"), [("0" * 64, 404), ("..%2f..%2fetc", 422)])
async def test_an_unknown_container_is_not_found(
    agent: Agent, client: AgentClient, container: str, status: int
) -> None:
    with pytest.raises(AgentError) as refusal:
        await anext(client.logs(container))
    assert refusal.value.status == status


async def test_a_reader_that_leaves_a_quiet_log_is_forgotten(
    agent: Agent, client: AgentClient, writer: LogWriter, container_id: str
) -> None:
    writer.write(b"line\n", STDOUT)
    before = open_files(agent.pid)
    async with aclosing(client.logs(container_id, follow=True)) as batches:
        await anext(batches)
        assert open_files(agent.pid) > before
    for _ in range(50):
        if open_files(agent.pid) <= before:
            break
        await asyncio.sleep(0.1)
    assert open_files(agent.pid) <= before
    writer.close()


async def test_an_upload_is_stored_and_deleted(
    agent: Agent, client: AgentClient, incoming: Path, engine: Engine
) -> None:
    upload_id = str(uuid4())
    assert await client.put_upload(upload_id, chunks(100)) == 100 << 16
    with engine.open_upload(upload_id).open() as stored:
        assert stored.read() == b"".join([chunk async for chunk in chunks(100)])
    await client.delete_upload(upload_id)
    await client.delete_upload(upload_id)
    assert list(incoming.iterdir()) == []


async def test_nothing_is_left_of_an_upload_whose_sender_goes_away(
    agent: Agent, client: AgentClient, incoming: Path
) -> None:
    sent = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        async for chunk in chunks(50):
            yield chunk
        sent.set()
        await asyncio.sleep(60)

    uploading = asyncio.create_task(client.put_upload(str(uuid4()), endless()))
    await sent.wait()
    assert len(list(incoming.iterdir())) == 1
    uploading.cancel()
    await asyncio.gather(uploading, return_exceptions=True)
    for _ in range(50):
        if not list(incoming.iterdir()):
            break
        await asyncio.sleep(0.1)
    assert list(incoming.iterdir()) == []
    assert (await client.ping())["agent"] == "ok"


async def test_an_upload_needs_a_proper_id(agent: Agent, client: AgentClient) -> None:
    with pytest.raises(AgentError) as refusal:
        await client.put_upload("..", chunks(1))
    assert refusal.value.status in (404, 422)


async def test_a_killed_agent_is_unavailable_and_the_next_takes_its_sockets(
    agent: Agent, client: AgentClient, writer: LogWriter, container_id: str
) -> None:
    writer.write(b"line\n", STDOUT)
    async with aclosing(client.logs(container_id, follow=True)) as batches:
        await anext(batches)
        agent.kill()
        with pytest.raises(AgentUnavailable, match="went away before its answer was complete"):
            await anext(batches)
    writer.close()
    agent.wait()
    with pytest.raises(AgentUnavailable, match="does not answer: Connection refused"):
        await client.ping()
    second = await asyncio.to_thread(start_agent)
    assert (await client.ping())["agent"] == "ok"
    second.terminate()
    assert second.wait(10) == 0


def test_a_second_agent_on_the_same_folders_is_refused(agent: Agent) -> None:
    command = [sys.executable, "-m", "panel.agent"]
    second = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "another host agent answers" in second.stderr


def test_only_the_panel_and_its_group_may_ask_and_only_root_may_report(agent: Agent) -> None:
    environment = Environment.from_env()
    assert environment.agent_socket.stat().st_mode & 0o777 == 0o660
    assert environment.observed_socket.stat().st_mode & 0o777 == 0o600


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


async def test_hundreds_may_follow_one_log(
    agent: Agent, client: AgentClient, writer: LogWriter, container_id: str
) -> None:
    for number in range(8):
        writer.write(b"%d\n" % number, STDOUT)

    async def follow() -> list[str]:
        return [line[2] async for batch in client.logs(container_id, follow=True) for line in batch["lines"]]

    following = [asyncio.create_task(follow()) for _ in range(300)]
    await asyncio.sleep(1)
    writer.write(b"for all\n", STDOUT)
    writer.mark_end(1)
    writer.close()
    async with asyncio.timeout(60):
        for lines in await asyncio.gather(*following):
            assert lines == [*map(str, range(8)), "for all"]
