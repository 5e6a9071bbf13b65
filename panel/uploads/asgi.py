"""Streams the body of an upload past Django to the host agent.

Django would spool a body of gigabytes before any view saw it. So for the paths of uploads the panel first answers the
request without its body: authentication, CSRF, permission and audit as for any other. If it answers 202 with a ticket,
the body goes chunk by chunk to the agent, each taken from the client only when the one before is gone.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, HTTPRequestEvent, HTTPScope, Scope
from channels.db import database_sync_to_async

from panel.agent.client import AgentClient, AgentError
from panel.operations.waiting import OPERATION_HEADER, header
from panel.rest.problems import CONTENT_TYPE, STATUSES, Problem
from panel.uploads import outcomes, tickets

logger = logging.getLogger(__name__)

PATHS = re.compile(
    r"POST /api/v1/images/(load|import)/"
    r"|POST /api/v1/volumes/[^/]+/restore/"
    r"|PUT /api/v1/containers/[^/]+/archive/"
    r"|PUT /api/v1/(containers|volumes)/[^/]+/files/content/"
)
EMPTY: HTTPRequestEvent = {"type": "http.request", "body": b"", "more_body": False}


class Uploads:
    """The ASGI application: `inner`, with the bodies of uploads sent to the agent."""

    def __init__(self, inner: ASGI3Application, agent: AgentClient) -> None:
        self._inner = inner
        self._agent = agent

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Pass everything through but uploads."""
        if scope["type"] == "http" and PATHS.fullmatch(f"{scope['method']} {scope['path']}"):
            await self._upload(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    async def _upload(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        events = await self._ask(scope)
        start = events[0]
        upload = header(start["headers"], tickets.UPLOAD_HEADER) if start["status"] == 202 else None
        if upload is None:
            for event in events:
                await send(event)
            return
        ticket, body = tickets.redeem(upload), Body(receive)
        try:
            size = await self._agent.put_upload(upload, body.chunks())
        except AgentError as error:
            reason = "the client went away before the file was complete" if body.is_cut else error.message
            await database_sync_to_async(outcomes.failed)(ticket, reason)
            if not body.is_cut:
                await _answer_problem(scope, send, error)
            return
        try:
            operation, document = await database_sync_to_async(outcomes.arrived)(ticket, size)
        except Exception:
            await self._agent.delete_upload(upload)  # nobody would ever use it
            raise
        await _answer(
            send, 202, "application/json", document, [(OPERATION_HEADER.lower().encode(), operation.encode())]
        )

    async def _ask(self, scope: HTTPScope) -> list[Any]:
        """What the panel answers to the request without its body."""
        events: list[Any] = []
        dropped = (b"content-length", b"transfer-encoding", b"content-type")
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in dropped]
        bodiless: Any = {**scope, "headers": [*headers, (b"content-length", b"0")]}

        bodies = [EMPTY]

        async def receive() -> HTTPRequestEvent:
            # After the body Django listens for a disconnect, until it has answered: there is none to tell of.
            return bodies.pop() if bodies else await asyncio.get_running_loop().create_future()

        async def keep(event: Any) -> None:
            events.append(event)

        await self._inner(bodiless, receive, keep)
        return events


class Body:
    """A request's body as it comes. `is_cut` is true once it ended early: whoever reads it gets an error then."""

    def __init__(self, receive: ASGIReceiveCallable) -> None:
        self._receive = receive
        self.is_cut = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its bytes, in the pieces the web server reads."""
        while True:
            event: Any = await self._receive()
            if event["type"] == "http.disconnect":
                self.is_cut = True
                raise ConnectionResetError("the client went away")
            if event.get("body"):
                yield event["body"]
            if not event.get("more_body"):
                return


async def _answer_problem(scope: HTTPScope, send: ASGISendCallable, error: AgentError) -> None:
    problem = Problem(STATUSES.get(error.code, error.status), error.code, error.message, error.hint)
    body = json.dumps(problem.to_json(scope["path"])).encode()
    await _answer(send, problem.status, CONTENT_TYPE, body, [])


async def _answer(
    send: ASGISendCallable, status: int, content_type: str, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    length = (b"content-length", str(len(body)).encode())
    all_headers = [(b"content-type", content_type.encode()), length, *headers]
    await send({"type": "http.response.start", "status": status, "headers": all_headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
