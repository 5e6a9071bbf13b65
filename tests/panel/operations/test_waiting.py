"""`Prefer: wait`: an answer when the operation has ended, missing no end, holding no thread."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio

from panel.operations.signals import CHANNEL
from panel.operations.waiting import Answer, Waiting, preferred_wait

Case = tuple[Waiting, "Operations"]
ENDED: Answer = (200, "application/json", b'{"status": "done"}')


class Operations:
    """What the panel would answer, set by the test."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.looks = 0

    async def answer(self, operation: str) -> Answer | None:
        self.looks += 1
        return ENDED if operation in self.ended else None


@pytest.fixture
async def waiting(redis_server: str) -> AsyncIterator[Case]:
    """The application under test, and its operations."""
    operations = Operations()
    application = Waiting(accept, redis_server, operations.answer)
    yield application, operations
    await application.close()


async def accept(scope: Any, receive: Any, send: Any) -> None:
    """A panel that answers 202 with the operation the path names, or 404."""
    name = scope["path"].strip("/")
    status = 202 if name else 404
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    if name:
        headers.append((b"moorage-operation", name.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}", "more_body": False})


async def ask(application: Any, path: str, prefer: str | None) -> tuple[int, dict[bytes, bytes], bytes]:
    events: list[Any] = []

    async def send(event: Any) -> None:
        events.append(event)

    headers = [(b"prefer", prefer.encode())] if prefer else []
    await application({"type": "http", "path": path, "headers": headers}, None, send)
    return events[0]["status"], dict(events[0]["headers"]), b"".join(event["body"] for event in events[1:])


async def end(redis_url: str, operations: Operations, name: str, after_s: float) -> None:
    await asyncio.sleep(after_s)
    operations.ended.add(name)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.publish(CHANNEL, name)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=10", 10),
        ("respond-async, wait=5", 5),
        ("wait = 7; foo", 7),
        ('wait="3"', 3),
        ("WAIT=2", 2),
        ("wait=999", 60),
        ("wait=0", 0),
        ("wait=-1", 0),
        ("wait=abc", 0),
        ("await=5", 0),
        ("", 0),
    ],
)
def test_the_preference_is_read_as_rfc_7240_writes_it(prefer: str, seconds: int) -> None:
    assert preferred_wait({"headers": [(b"prefer", prefer.encode())]}) == seconds  # type: ignore[typeddict-item]


async def test_the_answer_comes_when_the_operation_has_ended(waiting: Case, redis_server: str) -> None:
    application, operations = waiting
    ending = asyncio.create_task(end(redis_server, operations, "one", 0.3))
    begun = time.monotonic()

    status, headers, body = await ask(application, "/one", "wait=20")

    assert (status, json.loads(body)) == (200, {"status": "done"})
    assert 0.25 < time.monotonic() - begun < 5
    assert headers[b"preference-applied"] == b"wait"
    assert headers[b"content-length"] == str(len(body)).encode()
    await ending


async def test_an_end_before_the_wait_begins_is_not_missed(waiting: Case, redis_server: str) -> None:
    application, operations = waiting
    await ask(application, "/warm-up", "wait=1")
    await end(redis_server, operations, "one", 0)
    await asyncio.sleep(0.1)

    status, _, _ = await ask(application, "/one", "wait=20")

    assert status == 200


async def test_an_end_that_was_announced_while_nobody_listened_is_not_missed(waiting: Case, redis_server: str) -> None:
    application, operations = waiting
    operations.ended.add("one")

    assert (await ask(application, "/one", "wait=20"))[0] == 200


async def test_when_it_takes_longer_the_operation_is_answered_as_it_was(waiting: Case, redis_server: str) -> None:
    begun = time.monotonic()

    status, headers, body = await ask(waiting[0], "/one", "wait=1")

    assert (status, body) == (202, b"{}")
    assert headers[b"preference-applied"] == b"wait"
    assert 0.9 < time.monotonic() - begun < 5


@pytest.mark.parametrize(("path", "prefer", "status"), [("/one", None, 202), ("/", "wait=20", 404)])
async def test_other_requests_pass_through(waiting: Case, path: str, prefer: str | None, status: int) -> None:
    application, operations = waiting

    answered, headers, _ = await ask(application, path, prefer)

    assert answered == status
    assert b"preference-applied" not in headers
    assert operations.looks == 0


async def test_without_a_broker_everybody_looks_for_themselves(tmp_path: Any) -> None:
    operations = Operations()
    operations.ended.add("one")
    application = Waiting(accept, f"unix://{tmp_path}/none", operations.answer)

    assert (await ask(application, "/one", "wait=5"))[0] == 200
    await application.close()


async def test_many_wait_at_once_on_one_subscription(waiting: Case, redis_server: str) -> None:
    application, operations = waiting
    names = [f"op-{number}" for number in range(200)]
    asking = [asyncio.create_task(ask(application, f"/{name}", "wait=20")) for name in names]
    await asyncio.sleep(0.2)
    async with redis.asyncio.Redis.from_url(redis_server) as client:
        subscribed = (await client.pubsub_numsub(CHANNEL))[0][1]
        for name in names:
            operations.ended.add(name)
            await client.publish(CHANNEL, name)

    answers = await asyncio.gather(*asking)

    assert {status for status, _, _ in answers} == {200}
    assert subscribed == 1
