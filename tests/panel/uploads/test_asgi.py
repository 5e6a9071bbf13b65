"""Uploads: allowed by the panel, streamed past Django to a real host agent, never held in memory."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async

from panel.accounts.models import Token
from panel.agent.client import AgentClient, AgentUnavailable
from panel.audit.models import AuditEntry
from panel.environment import Environment
from panel.hosts.models import Host
from panel.operations.models import Operation
from panel.uploads.asgi import Uploads
from tests.panel.conftest import Queue, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("agent", "queue")]

LOAD = "/api/v1/images/load/"
IMPORT = "/api/v1/images/import/"
INCOMING = Environment.from_env().home / "images" / "incoming"


def token_of(role: str | None) -> str:
    Host.objects.get_or_create(name="local")
    _row, secret = Token.objects.create(user=make_user("up", role), name="t")
    return str(secret)


async def post(
    path: str, chunks: list[bytes], *, role: str | None = "operator", query: str = "", is_cut: bool = False
) -> tuple[int, Any]:
    """Send a request with that body; `is_cut` makes the client go away after the last chunk."""
    from panel.asgi import django_application

    secret = await database_sync_to_async(token_of)(role)
    events: list[Any] = []
    waiting = iter(chunks)

    async def receive() -> Any:
        chunk = next(waiting, None)
        if chunk is not None:
            return {"type": "http.request", "body": chunk, "more_body": True}
        await asyncio.sleep(0)
        return {"type": "http.disconnect"} if is_cut else {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        events.append(event)

    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {secret}".encode()), (b"content-length", b"9" * 12)]
    scope: Any = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [*headers, (b"content-type", b"application/x-tar")],
        "client": ("192.0.2.3", 1),
        "server": ("localhost", 80),
        "scheme": "http",
    }
    await Uploads(django_application, AgentClient(Environment.from_env().agent_socket))(scope, receive, send)
    if not events:
        return 0, None
    return events[0]["status"], json.loads(b"".join(event.get("body", b"") for event in events[1:]))


def left_behind() -> list[Path]:
    return list(INCOMING.iterdir()) if INCOMING.exists() else []


@pytest.fixture(autouse=True)
def _clean() -> None:
    for path in left_behind():
        path.unlink()


def rows() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("number").values_list("action", "outcome", "address"))


async def test_the_bytes_arrive_at_the_host_and_become_an_operation(queue: Queue) -> None:
    chunks = [bytes([number % 251]) * 70_001 for number in range(20)]

    status, document = await post(LOAD, chunks, query="file_name=my.tar")

    assert (status, document["kind"], document["object_name"]) == (202, "images.load", "my.tar")
    (path,) = left_behind()
    assert path.read_bytes() == b"".join(chunks)
    assert queue("host.local") == [("images.load", {"operation": document["id"], "upload": path.name})]
    assert await database_sync_to_async(rows)() == [("images.load", "allowed", "192.0.2.3")]


async def test_a_root_filesystem_is_imported_under_its_name(queue: Queue) -> None:
    status, document = await post(IMPORT, [b"tar"], query="reference=debian:12")

    assert (status, document["kind"], document["object_name"]) == (202, "images.import_rootfs", "debian:12")
    assert queue("host.local")[0][1]["reference"] == "debian:12"


@pytest.mark.parametrize(
    ("role", "path", "query", "status", "code"),
    [
        ("viewer", LOAD, "", 403, "permission-denied"),
        (None, IMPORT, "reference=a", 403, "permission-denied"),
        ("operator", IMPORT, "", 422, "invalid-spec"),
        ("operator", LOAD, "host=nowhere", 404, "not-found"),
    ],
)
async def test_what_is_not_allowed_is_refused_before_a_byte_is_taken(
    role: str | None, path: str, query: str, status: int, code: str
) -> None:
    answered, document = await post(path, [b"x" * 1000], role=role, query=query)

    assert (answered, document["code"]) == (status, code)
    assert left_behind() == []
    assert not await database_sync_to_async(Operation.objects.exists)()


async def test_a_client_that_goes_away_leaves_nothing_but_an_audit_row() -> None:
    status, _ = await post(LOAD, [b"x" * 100_000] * 5, is_cut=True)

    assert status == 0
    for _ in range(100):
        if not left_behind():
            break
        await asyncio.sleep(0.02)
    assert left_behind() == []
    assert await database_sync_to_async(rows)() == [("images.load", "failed", "192.0.2.3")]
    assert not await database_sync_to_async(Operation.objects.exists)()


async def test_without_an_agent_the_upload_fails_with_a_hint(agent: Any) -> None:
    agent.terminate()
    agent.wait(10)

    status, document = await post(LOAD, [b"x" * 1000])

    assert (status, document["code"]) == (503, "unreachable")
    assert document["hint"]
    assert await database_sync_to_async(rows)() == [("images.load", "failed", "192.0.2.3")]


async def test_the_client_is_read_no_faster_than_the_agent_takes(tmp_path: Path) -> None:
    """An agent that stops reading stops the client: at most what sockets hold is taken from it."""
    taken = 0

    may_end = asyncio.Event()

    async def swallow_a_little(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        await may_end.wait()
        writer.transport.abort()

    async def chunks() -> Any:
        nonlocal taken
        while True:
            taken += 1 << 16
            yield bytes(1 << 16)

    server = await asyncio.start_unix_server(swallow_a_little, str(tmp_path / "slow.sock"), limit=1 << 16)
    sending = asyncio.create_task(AgentClient(tmp_path / "slow.sock").put_upload("x", chunks()))
    await asyncio.sleep(1)
    may_end.set()
    with pytest.raises(AgentUnavailable):
        await sending
    server.close()
    await server.wait_closed()

    assert taken < 4 << 20
