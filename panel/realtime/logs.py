"""`/ws/containers/<id>/logs/`: a container's log in a browser, history first, then live.

A plain ASGI application, not a Channels consumer: those open a channel in the broker, and a log must not depend on it.
Each message is a batch as the agent sent it, `{"cursor", "lines"}`; `{"end": true}` comes when the run has ended and
`{"error": {"code", "message", "hint"}}` when the agent cannot be read. Whoever comes back gives the last cursor as
`after`. The next batch is asked for when the one before is on its way, so a slow browser slows only its own stream.
"""

import asyncio
import json
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, WebSocketScope
from channels.db import database_sync_to_async

from panel import door
from panel.accounts.actors import Actor
from panel.agent.client import AgentClient, AgentError
from panel.containers.models import Container
from panel.environment import Environment
from panel.errors import NotPermitted

PERMISSION = "containers.logs"
ENDED, INVALID, AGAIN, REFUSED, GONE = 1000, 1008, 1013, 4403, 4404
_CODES = {404: GONE, 422: INVALID}


async def logs(scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Serve one WebSocket from its handshake to its end, whichever side ends it."""
    await receive()
    # Accepted in any case: of a refused handshake a browser is told no reason.
    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
    container_id = scope["url_route"]["kwargs"]["id"]
    if code := await database_sync_to_async(_refusal)(scope, container_id):
        await _close(send, code)
        return
    streaming = asyncio.create_task(_stream(container_id, _query(scope), send))
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait([streaming, leaving], return_when=asyncio.FIRST_COMPLETED)
        if streaming.done():
            streaming.result()
    finally:
        streaming.cancel()
        leaving.cancel()
        await asyncio.gather(streaming, leaving, return_exceptions=True)


async def _stream(container_id: str, query: dict[str, str], send: ASGISendCallable) -> None:
    agent = AgentClient(Environment.from_env().agent_socket)
    try:
        async with aclosing(agent.log_frames(container_id, follow=1, **query)) as frames:
            async for frame in frames:
                await _send_text(send, frame.decode("ascii"))
    except AgentError as error:
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        await _send_text(send, json.dumps({"error": told}))
        await _close(send, _CODES.get(error.status, AGAIN))
    else:
        await _send_text(send, '{"end": true}')
        await _close(send, ENDED)


async def _left(receive: ASGIReceiveCallable) -> None:
    """Return when the browser has gone; nothing it says matters here."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


def _refusal(scope: dict[str, Any], container_id: str) -> int:
    """The code that says why not, 0 if the session's user may read this log. A refusal is written down."""
    actor = Actor.from_scope(scope)
    if actor.user is None:
        return REFUSED
    container = Container.objects.visible_to(actor.user).filter(pk=container_id).first()
    if not actor.may(PERMISSION):
        try:
            door.refuse(actor, PERMISSION, PERMISSION, {"container": container})
        except NotPermitted:
            return REFUSED
    return 0 if container else GONE


def _query(scope: WebSocketScope) -> dict[str, str]:
    """What of the address is for the agent, which checks it."""
    given = parse_qs(scope["query_string"].decode("ascii", "replace"))
    return {name: given[name][0][:200] for name in ("tail", "after") if name in given}


async def _send_text(send: ASGISendCallable, text: str) -> None:
    await send({"type": "websocket.send", "bytes": None, "text": text})


async def _close(send: ASGISendCallable, code: int) -> None:
    await send({"type": "websocket.close", "code": code, "reason": None})
