"""Attaching to a container's program, and running another, over the agent's WebSockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from engine import Status
from panel.agent.server import application
from tests.services.host import Host, host
from tests.services.processes import wait_until

__all__ = ["host"]

Client = TestClient[Request, Application]


@pytest.fixture
async def client(host: Host) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(host.engine))) as client:
        yield client


async def read(socket: ClientWebSocketResponse) -> tuple[dict[int, bytes], list[dict[str, Any]]]:
    """Everything to the end: bytes by stream, and the messages in JSON."""
    output: dict[int, bytes] = {1: b"", 2: b""}
    told = []
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            output[message.data[0]] += message.data[1:]
        else:
            told.append(message.json())
    return output, told


async def read_until(socket: ClientWebSocketResponse, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        seen += (await socket.receive_bytes(timeout=20))[1:]
    return seen


async def test_a_program_is_attached_to_with_input_and_output(client: Client, host: Host) -> None:
    container = host.start("sh", "-c", "cat; echo over >&2", open_stdin=True, stdin_once=True)
    async with client.ws_connect(f"/v1/containers/{container}/attach?stdin=1") as socket:
        await socket.send_bytes(b"one\n")
        assert await read_until(socket, b"one\n") == b"one\n"
        await socket.send_json({"close_input": True})
        assert await read(socket) == ({1: b"", 2: b"over\n"}, [{"end": True}])


async def test_a_terminal_is_sized_and_left_by_keys(client: Client, host: Host) -> None:
    container = host.start("sh", tty=True, open_stdin=True)
    async with client.ws_connect(f"/v1/containers/{container}/attach?stdin=1&detach_keys=ctrl-a") as socket:
        await socket.send_json({"resize": {"height": 33, "width": 111}})
        await socket.send_bytes(b"stty size\n")
        await read_until(socket, b"33 111")
        resized = await client.post(f"/v1/containers/{container}/resize", json={"height": 44, "width": 122})
        assert resized.status == 204
        await socket.send_bytes(b"stty size\n")
        await read_until(socket, b"44 122")
        await socket.send_bytes(b"\x01")
        _, told = await read(socket)
        assert told == [{"detached": True}]
    assert host.engine.state(container).status is Status.RUNNING


async def test_a_program_is_run_and_joined(client: Client, host: Host) -> None:
    container = host.start("sleep", "600")
    async with client.ws_connect(f"/v1/containers/{container}/exec") as socket:
        await socket.send_json({"spec": {"command": ["sh", "-c", "cat; echo over >&2; exit 4"], "stdin": True}})
        begun = (await socket.receive_json(timeout=20))["exec"]
        assert begun["running"]
        await socket.send_bytes(b"one\n")
        await socket.send_json({"close_input": True})
        output, told = await read(socket)
        assert output == {1: b"one\n", 2: b"over\n"}
        assert (told[0]["end"]["exit_code"], told[0]["end"]["id"]) == (4, begun["id"])
    known = await client.get(f"/v1/containers/{container}/exec/{begun['id']}")
    assert (await known.json())["exit_code"] == 4


async def test_a_client_that_goes_away_hangs_up_the_terminal(client: Client, host: Host) -> None:
    container = host.start("sleep", "600")
    async with client.ws_connect(f"/v1/containers/{container}/exec") as socket:
        await socket.send_json({"spec": {"command": ["sleep", "600"], "terminal": True}})
        exec_id = (await socket.receive_json(timeout=20))["exec"]["id"]
    await asyncio.to_thread(
        wait_until, lambda: not host.engine.exec_state(container, exec_id).running, "it was hung up"
    )


async def test_a_program_that_nobody_joins_is_run(client: Client, host: Host) -> None:
    container = host.start("sleep", "600")
    answer = await client.post(f"/v1/containers/{container}/exec", json={"command": ["sh", "-c", "exit 5"]})
    assert answer.status == 201
    exec_id = (await answer.json())["id"]
    wait_until(lambda: host.engine.exec_state(container, exec_id).exit_code == 5, "it has ended")


async def test_what_cannot_be_done_is_told(client: Client, host: Host) -> None:
    container = host.start("sleep", "600")
    for path, status in (("0" * 64, 404), (f"{container}", 409)):
        refused = await client.get(f"/v1/containers/{path}/attach?stdin=1")
        assert refused.status == status
    refused = await client.post(f"/v1/containers/{container}/exec", json={"command": []})
    assert (refused.status, (await refused.json())["field"]) == (422, "command")
    refused = await client.post(f"/v1/containers/{container}/resize", json={"height": 1})
    assert refused.status == 422
    for first in ({"spec": {"command": ["nosuch"]}}, {"spec": {"command": ["true"]}, "odd": 1}, {}):
        async with client.ws_connect(f"/v1/containers/{container}/exec") as socket:
            await socket.send_json(first)
            _, told = await read(socket)
            assert list(told[0]) == ["error"]
    async with client.ws_connect(f"/v1/containers/{container}/attach") as socket:
        await socket.send_json({"resize": {"height": 1, "width": 1}})
        _, told = await read(socket)
        assert told[0]["error"]["code"] == "conflict"
