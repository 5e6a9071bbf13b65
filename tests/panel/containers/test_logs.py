"""A container's log by REST: as text or as batches, from a real agent; what goes wrong is told before it begins."""

import json
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.test import AsyncClient

from engine.logs.format import STDERR, STDOUT
from engine.logs.writer import LogWriter
from panel.accounts.models import Token
from panel.containers.models import Container
from panel.hosts.models import Host
from tests.panel.conftest import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("agent")]


def prepare(container_id: str, role: str) -> str:
    Container.objects.create(id=container_id, name="one", host=Host.objects.create(name="local"), image="busybox")
    _row, secret = Token.objects.create(user=make_user("lena", role), name="t")
    return str(secret)


async def get(container_id: str, query: str = "", accept: str = "", role: str = "viewer") -> tuple[Any, str]:
    secret = await database_sync_to_async(prepare)(container_id, role)
    headers = {"Authorization": f"Bearer {secret}"} | ({"Accept": accept} if accept else {})
    answer: Any = await AsyncClient().get(f"/api/v1/containers/{container_id}/logs/?{query}", headers=headers)
    if not answer.streaming:
        return answer, answer.content.decode()
    return answer, b"".join([part async for part in answer.streaming_content]).decode()


@pytest.fixture(autouse=True)
def _log(writer: LogWriter) -> None:
    for number in range(1, 6):
        writer.write(f"line {number} <ü>\n".encode(), STDERR if number % 2 else STDOUT)


async def test_it_is_text_line_by_line(container_id: str) -> None:
    answer, text = await get(container_id)

    assert text.splitlines() == [f"line {number} <ü>" for number in range(1, 6)]
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"


async def test_only_the_last_lines_with_their_times(container_id: str) -> None:
    _, text = await get(container_id, "tail=2&timestamps=1")

    first, second = text.splitlines()
    assert first.endswith(" line 4 <ü>")
    assert second[:4].isdigit()


async def test_it_is_batches_for_who_asks_for_them(container_id: str) -> None:
    answer, text = await get(container_id, "tail=1", accept="application/x-ndjson")

    batch = json.loads(text.splitlines()[-1])
    assert answer["Content-Type"] == "application/x-ndjson"
    assert batch["lines"][0][2] == "line 5 <ü>"
    assert batch["cursor"]


@pytest.mark.parametrize(
    ("query", "field"), [("tail=x", "tail"), ("since=-1", "since"), ("tail=" + "9" * 30, "tail"), ("after=zz", "")]
)
async def test_a_query_that_makes_no_sense_is_a_problem(container_id: str, query: str, field: str) -> None:
    answer, text = await get(container_id, query)

    document = json.loads(text)
    assert (answer.status_code, document["code"]) == (422, "invalid-spec")
    assert [error["field"] for error in document.get("errors", [])] == ([field] if field else [])


async def test_without_an_agent_it_is_a_problem_with_a_hint(container_id: str, agent: Any) -> None:
    agent.terminate()
    agent.wait(10)

    answer, text = await get(container_id)

    assert (answer.status_code, json.loads(text)["code"]) == (503, "unreachable")
    assert json.loads(text)["hint"]


async def test_a_container_its_host_does_not_have_has_no_log() -> None:
    answer, text = await get("12" * 32)

    assert (answer.status_code, json.loads(text)["code"]) == (404, "not-found")
