"""The log of a container over a WebSocket, from a real web server and a real agent."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import websockets
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from websockets.asyncio.client import ClientConnection

from engine.logs.format import STDERR, STDOUT
from engine.logs.writer import LogWriter
from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.containers.models import Container
from panel.environment import Environment
from panel.hosts.models import Host
from tests.panel.realtime.conftest import web_server

pytestmark = pytest.mark.django_db(transaction=True)


def cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def viewer(container_id: str) -> str:
    """The session of a user with the role viewer; the container is in the database."""
    host, _ = Host.objects.get_or_create(name="local")
    Container.objects.create(id=container_id, name="web", host=host, image="busybox:test")
    user = User.objects.create_user("vera")
    user.groups.add(Group.objects.get(name="operator"))
    return cookie_of(user)


@pytest.fixture
def stranger(viewer: str) -> str:
    """The session of a user with no role."""
    return cookie_of(User.objects.create_user("sam"))


@asynccontextmanager
async def socket(address: str, path: str, session: str, **options: Any) -> AsyncIterator[ClientConnection]:
    headers = {
        "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}",
        "Origin": options.pop("origin", f"http://{address}"),
    }
    async with (
        asyncio.timeout(60),
        websockets.connect(f"ws://{address}{path}", additional_headers=headers, max_size=None, **options) as connection,
    ):
        yield connection


async def rest_of(connection: ClientConnection) -> tuple[list[dict[str, Any]], int | None]:
    """Every message up to the end, and the code of the close."""
    messages: list[dict[str, Any]] = []
    with suppress(websockets.ConnectionClosed):
        async for message in connection:
            messages.append(json.loads(message))
    return messages, connection.close_code


async def test_history_comes_first_then_live_lines_and_the_end(
    agent: object, writer: LogWriter, container_id: str, viewer: str
) -> None:
    writer.write(b"before\n", STDOUT)
    async with web_server() as address, socket(address, f"/ws/containers/{container_id}/logs/", viewer) as connection:
        (before,) = json.loads(await connection.recv())["lines"]
        writer.write("lebendig: ü\n".encode(), STDERR)
        (live,) = json.loads(await connection.recv())["lines"]
        writer.mark_end(1)
        writer.close()
        messages, code = await rest_of(connection)
    assert before[1:] == ["stdout", "before", False]
    assert live[1:] == ["stderr", "lebendig: ü", False]
    assert messages == [{"end": True}]
    assert code == 1000


async def test_who_comes_back_with_a_cursor_goes_on_there(
    agent: object, writer: LogWriter, container_id: str, viewer: str
) -> None:
    path = f"/ws/containers/{container_id}/logs/"
    writer.write(b"1\n2\n3\n", STDOUT)
    async with web_server() as address:
        async with socket(address, f"{path}?tail=1", viewer) as connection:
            first = json.loads(await connection.recv())
        writer.write(b"4\n", STDOUT)
        writer.mark_end(1)
        writer.close()
        async with socket(address, f"{path}?after={first['cursor']}", viewer) as connection:
            messages, _ = await rest_of(connection)
    assert [line[2] for line in first["lines"]] == ["3"]
    assert [line[2] for line in messages[0]["lines"]] == ["4"]


async def test_a_user_without_the_permission_is_refused_and_it_is_written_down(
    agent: object, writer: LogWriter, container_id: str, stranger: str
) -> None:
    writer.close()
    async with web_server() as address, socket(address, f"/ws/containers/{container_id}/logs/", stranger) as connection:
        assert await rest_of(connection) == ([], 4403)
    entry = await AuditEntry.objects.aget(outcome="denied")
    assert (entry.actor_name, entry.action) == ("sam", "containers.logs")


async def test_a_visitor_without_a_session_is_refused(agent: object, container_id: str, viewer: str) -> None:
    async with web_server() as address, socket(address, f"/ws/containers/{container_id}/logs/", "none") as connection:
        assert await rest_of(connection) == ([], 4403)


async def test_an_unknown_container_is_gone(agent: object, viewer: str) -> None:
    async with web_server() as address, socket(address, f"/ws/containers/{'0' * 64}/logs/", viewer) as connection:
        assert await rest_of(connection) == ([], 4404)


async def test_a_page_of_another_site_is_not_let_in(agent: object, container_id: str, viewer: str) -> None:
    async with web_server() as address:
        with pytest.raises(websockets.InvalidStatus):
            async with socket(address, f"/ws/containers/{container_id}/logs/", viewer, origin="https://evil.example"):
                pass


async def test_a_forged_cursor_is_answered_with_an_error(
    agent: object, writer: LogWriter, container_id: str, viewer: str
) -> None:
    writer.close()
    path = f"/ws/containers/{container_id}/logs/?after=../../etc"
    async with web_server() as address, socket(address, path, viewer) as connection:
        (message,), code = await rest_of(connection)
    assert message["error"]["code"] == "invalid-spec"
    assert code == 1008


async def test_an_agent_that_dies_asks_the_browser_to_come_back(
    agent: "subprocess.Popen[bytes]", writer: LogWriter, container_id: str, viewer: str
) -> None:
    writer.write(b"line\n", STDOUT)
    async with web_server() as address, socket(address, f"/ws/containers/{container_id}/logs/", viewer) as connection:
        await connection.recv()
        agent.kill()
        (message,), code = await rest_of(connection)
    writer.close()
    assert message["error"]["code"] == "unreachable"
    assert code == 1013


async def test_a_browser_that_reads_slowly_misses_nothing_and_fills_no_memory(
    agent: "subprocess.Popen[bytes]", container_id: str, viewer: str
) -> None:
    log = Environment.from_env().home / "containers" / container_id / "log"
    writer = LogWriter(str(log), segment_bytes=4 << 20)  # so that a third of the log is left in the end
    count, line = 1_200_000, "a line that goes on for a while, as they do in logs of programs, number {:07d}"
    async with web_server() as address:
        before = rss_bytes(os.getpid())
        options = {"max_queue": 4, "compression": None}
        async with socket(address, f"/ws/containers/{container_id}/logs/", viewer, **options) as connection:
            writing = asyncio.create_task(asyncio.to_thread(_write_lines, writer, line, count))
            await asyncio.sleep(2)  # reads nothing while the log grows, rotates, and ends
            assert rss_bytes(agent.pid) < 100 << 20
            assert rss_bytes(os.getpid()) - before < 50 << 20
            seen = 0
            async for message in connection:
                for _, _, text, _ in json.loads(message).get("lines", ()):
                    assert text == line.format(seen)
                    seen += 1
            await writing
    assert seen == count
    assert rss_bytes(os.getpid()) - before < 50 << 20


def _write_lines(writer: LogWriter, line: str, count: int) -> None:
    for first in range(0, count, 1000):
        writer.write("".join(f"{line.format(number)}\n" for number in range(first, first + 1000)).encode(), STDOUT)
    writer.mark_end(1)
    writer.close()


def rss_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
