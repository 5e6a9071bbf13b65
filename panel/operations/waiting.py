"""`Prefer: wait=N` (RFC 7240): an answer that comes when its operation has ended, holding no thread meanwhile.

An ASGI application around the panel's. The answer 202 of a request that prefers to wait is kept back until the panel
worker announces the operation's end on a Redis channel, which one subscription per process listens to; then the
operation as it ended is answered instead.
"""

import asyncio
import logging
import math
import re
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, HTTPScope, Scope

from panel.operations.signals import CHANNEL

logger = logging.getLogger(__name__)

OPERATION_HEADER = "Moorage-Operation"
LONGEST_WAIT_S = 60
LATELY = 1000  # announcements that are remembered: an operation may end before its request begins to wait
PREFERENCE = re.compile(rb"(?:^|[,;]\s*)wait\s*=\s*\"?(\d{1,4})\"?\s*(?:$|[,;])", re.IGNORECASE)
"""What the panel answers for an operation: None while it has not ended, else status, content type and body."""
Answer = tuple[int, str, bytes]


class Ends:
    """Tells when operations end: whoever waits for one is woken by its announcement, or looks when that may be lost."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None
        self._listening_since = math.inf
        self._lately: deque[str] = deque(maxlen=LATELY)

    def listen(self) -> float:
        """Begin to listen, if that has not been done; the time now, to be handed to `wait`."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._follow())
        return time.monotonic()

    async def close(self) -> None:
        """Listen no longer."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    async def wait(self, operation: str, since: float, look: Callable[[], Awaitable[Any]], timeout_s: float) -> Any:
        """What `look` (a coroutine function) says once it says something; None if that takes longer than `timeout_s`.

        `since` is a time before the operation was sent. If all announcements since then were heard, `look` is asked
        only after the operation's; otherwise it is asked at once, after the wish to be woken is noted.
        """
        woken = asyncio.Event()
        self._waiting[operation].add(woken)
        if self._listening_since > since or operation in self._lately:
            woken.set()
        end = time.monotonic() + timeout_s
        try:
            while True:
                try:
                    await asyncio.wait_for(woken.wait(), end - time.monotonic())
                except TimeoutError:
                    return await look()
                woken.clear()
                if (answer := await look()) is not None:
                    return answer
        finally:
            self._waiting[operation].discard(woken)
            if not self._waiting[operation]:
                del self._waiting[operation]

    async def _follow(self) -> None:
        """Listen for as long as the process lives; after a lost connection everybody looks for themselves."""
        while True:
            client = redis.asyncio.Redis.from_url(self._redis_url)
            channel = client.pubsub()
            try:
                await channel.subscribe(CHANNEL)
                _stop_if_cancelled()
                async for message in channel.listen():
                    self._wake(message)
            except (redis.RedisError, OSError) as error:
                self._listening_since = math.inf
                logger.warning("the broker does not tell when operations end: %s", error)
                await asyncio.sleep(0.5)
            finally:
                await channel.aclose()  # type: ignore[no-untyped-call]
                await client.aclose()

    def _wake(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self._listening_since = time.monotonic()
            woken = [event for events in self._waiting.values() for event in events]
        else:
            operation = message["data"].decode()
            self._lately.append(operation)
            woken = list(self._waiting.get(operation, ()))
        for event in woken:
            event.set()


def _stop_if_cancelled() -> None:
    """redis-py may swallow a cancellation that comes while it connects; the task still knows of it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class Waiting:
    """The ASGI application: `inner`, with the preference to wait honoured.

    `answer(operation)` is a coroutine function of the panel that says how an operation ended (see `Answer`).
    """

    def __init__(
        self, inner: ASGI3Application, redis_url: str, answer: Callable[[str], Awaitable[Answer | None]]
    ) -> None:
        self._inner = inner
        self._ends = Ends(redis_url)
        self._answer = answer

    async def close(self) -> None:
        """Let go of the broker."""
        await self._ends.close()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Pass everything through but the answer 202 of a request that prefers to wait."""
        wait_s = preferred_wait(scope) if scope["type"] == "http" else 0
        if not wait_s:
            await self._inner(scope, receive, send)
            return
        kept: list[Any] = []
        operation: str | None = None

        async def keep(event: ASGISendEvent) -> None:
            nonlocal operation
            if event["type"] == "http.response.start" and event["status"] == 202:
                operation = header(event["headers"], OPERATION_HEADER)
            if operation is None:
                await send(event)
            else:
                kept.append(event)

        since = self._ends.listen()
        await self._inner(scope, receive, keep)
        if operation is not None:
            answer = await self._ends.wait(operation, since, lambda: self._answer(operation), wait_s)
            await _respond(answer, kept, send)


async def _respond(answer: Answer | None, kept: list[Any], send: Any) -> None:
    """Send the answer in place of the one that was kept back, or that one if there is none."""
    start = kept[0]
    headers = [*start["headers"], (b"preference-applied", b"wait")]
    if answer is None:
        await send({**start, "headers": headers})
        for event in kept[1:]:
            await send(event)
        return
    status, content_type, body = answer
    replaced = (b"content-length", b"content-type")
    headers = [(name, value) for name, value in headers if name.lower() not in replaced]
    headers += [(b"content-length", str(len(body)).encode()), (b"content-type", content_type.encode())]
    await send({**start, "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def preferred_wait(scope: HTTPScope) -> int:
    """How many seconds the request prefers to wait, 60 at most; 0 for not at all."""
    preferences = (value for name, value in scope["headers"] if name.lower() == b"prefer")
    return next((seconds for value in preferences if (seconds := wait_of(value))), 0)


def wait_of(preference: bytes) -> int:
    """The seconds of `wait=N` in the value of a header `Prefer`, 60 at most; 0 if it is not there."""
    match = PREFERENCE.search(preference)
    return min(int(match[1]), LONGEST_WAIT_S) if match else 0


def header(headers: Any, wanted: str) -> str | None:
    """The value of a header; None if there is none."""
    for name, value in headers:
        if name.lower() == wanted.lower().encode():
            return str(value.decode("latin-1"))
    return None
