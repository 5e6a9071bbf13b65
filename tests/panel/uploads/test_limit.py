"""Nobody fills the disk with a body that is no upload."""

import json
from typing import Any

import pytest

from panel.uploads.limit import BodyLimit


async def ask(chunks: list[bytes], length: str | None) -> tuple[int, int, bytes]:
    """What is answered, how many bytes got through, and the body of the answer."""
    through = 0
    events: list[Any] = []
    waiting = [*chunks]

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        nonlocal through
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            through += len(event["body"])
            if not event["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Any:
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(event: Any) -> None:
        events.append(event)

    headers = [] if length is None else [(b"Content-Length", length.encode())]
    scope: Any = {"type": "http", "path": "/x", "headers": headers}
    await BodyLimit(inner, longest_bytes=100)(scope, receive, send)
    return (events[0]["status"], through, events[1]["body"]) if events else (0, through, b"")


async def test_a_body_within_the_limit_goes_through() -> None:
    assert (await ask([b"x" * 50, b"x" * 50], "100"))[:2] == (200, 100)


@pytest.mark.parametrize("length", ["101", "9" * 30, "-1", "many"])
async def test_a_length_beyond_it_is_refused_unread(length: str) -> None:
    status, through, body = await ask([b"x"], length)

    assert (status, through) == (413, 0)
    assert json.loads(body)["code"] == "too-large"


async def test_a_body_without_a_length_is_cut_off() -> None:
    assert (await ask([b"x" * 60] * 5, None))[:2] == (0, 60)
