"""The agent tells of a container's files, its end and what may go, as its client meets it."""

import io
import json
import subprocess
import tarfile
from contextlib import aclosing

import pytest

from panel.agent.client import AgentClient, AgentError
from panel.environment import Environment

Agent = subprocess.Popen[bytes]


@pytest.fixture
def client() -> AgentClient:
    return AgentClient(Environment.from_env().agent_socket)


async def whole(client: AgentClient, path: str, *query: tuple[str, str]) -> bytes:
    async with aclosing(client.pieces(path, query)) as pieces:
        return b"".join([piece async for piece in pieces])


async def test_files_of_a_container_that_never_ran_are_told_and_streamed(
    agent: Agent, client: AgentClient, container_id: str
) -> None:
    folder = f"containers/{container_id}"
    found = await client.get(f"{folder}/path", [("path", "/bin/busybox")])
    assert found["name"] == "busybox"
    tar = await whole(client, f"{folder}/archive", ("path", "/bin/busybox"))
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert archive.getmember("busybox").size == found["size"]
    with tarfile.open(fileobj=io.BytesIO(await whole(client, f"{folder}/export"))) as archive:
        assert "bin/busybox" in archive.getnames()
    changes = [json.loads(line) for line in (await whole(client, f"{folder}/diff")).splitlines()]
    assert all(set(change) == {"path", "kind"} for change in changes)


@pytest.mark.parametrize(
    ("what", "query", "status"),
    [
        ("path", [("path", "/nowhere")], 404),
        ("archive", [("path", "/nowhere")], 404),
        ("archive", [], 422),
        ("stats", [], 409),
        ("stats", [("interval_s", "0")], 422),
        ("top", [], 409),
        ("wait", [("condition", "tuesday")], 422),
        ("wait", [("timeout_s", "soon")], 422),
    ],
)
async def test_what_cannot_be_told_is_refused_before_anything_is_streamed(
    agent: Agent, client: AgentClient, container_id: str, what: str, query: list[tuple[str, str]], status: int
) -> None:
    with pytest.raises(AgentError) as refusal:
        await whole(client, f"containers/{container_id}/{what}", *query)
    assert refusal.value.status == status


async def test_a_wait_ends_when_it_is_met_or_its_time_is_over(
    agent: Agent, client: AgentClient, container_id: str
) -> None:
    path = f"containers/{container_id}/wait"
    assert (await client.get(path))["is_met"] is True
    told = await client.get(path, [("condition", "removed"), ("timeout_s", "0.1")])
    assert told == {"is_met": False, "state": None}


async def test_what_a_prune_would_take_is_told_and_stays(agent: Agent, client: AgentClient, container_id: str) -> None:
    found = await client.get("prunable")
    assert container_id in [one["id"] for one in found["containers"]]
    assert found["size_bytes"] == sum(one["size_bytes"] for one in found["containers"])
    assert (await client.get("prunable", [("label", "nobody-has-this")]))["containers"] == []
    assert (await client.inspect(container_id))["state"]["status"] == "created"


async def test_volumes_are_told(agent: Agent, client: AgentClient, container_id: str) -> None:
    assert isinstance((await client.get("volumes"))["volumes"], list)
    with pytest.raises(AgentError) as refusal:
        await client.get("volumes/there-is-none")
    assert refusal.value.status == 404
