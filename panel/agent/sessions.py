"""A program's input and output over a WebSocket, at the pace of whoever reads and of the program that reads.

Binary messages are bytes: what comes begins with one that names its stream, what goes is input as it is. Text messages
are JSON; see docs/architecture.md, "The host agent".
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

from aiohttp import WSMsgType, web

from engine import ConsoleSize, EngineError, Exec, ExecSession, ExecSpec, InvalidSpec, Session
from panel.agent.keys import ENGINE
from panel.agent.query import flag

_STREAMS = {"stdout": b"\x01", "stderr": b"\x02", "unknown": b"\x03"}
_MOST_BYTES = 1 << 20

Ended = Callable[[], Awaitable[object]]
"""What is told at the end of the output."""


async def get_attach(request: web.Request) -> web.WebSocketResponse:
    """Join a container's program; the query is `stdin`, `replay` and `detach_keys`."""
    engine, container = request.app[ENGINE], request.match_info["id"]
    keys = {"detach_keys": request.query["detach_keys"]} if "detach_keys" in request.query else {}
    stdin, replay = flag(request, "stdin"), flag(request, "replay")
    attachment = await asyncio.to_thread(engine.attach, container, stdin=stdin, replay=replay, **keys)

    async def ended() -> bool:
        return True

    with attachment:
        socket = await _open(request)
        await _converse(socket, attachment, ended)
        return socket


async def get_exec(request: web.Request) -> web.WebSocketResponse:
    """Run one more program in a container and join it; the first message says which."""
    socket = await _open(request)
    try:
        running, session = await _begin(request, await socket.receive_str())
    except EngineError as error:
        await _fail(socket, error)
        return socket
    try:
        await socket.send_json({"exec": running.state().to_json()})
        await _converse(socket, session, lambda: _state_of(session))
        return socket
    finally:
        session.close()


async def post_exec(request: web.Request) -> web.Response:
    """Run one more program that nobody joins; its state."""
    spec = ExecSpec.from_json({"stdout": False, "stderr": False} | await _object(request))
    with await asyncio.to_thread(request.app[ENGINE].exec, request.match_info["id"], spec) as running:
        return web.json_response(running.state().to_json(), status=201)


async def get_exec_state(request: web.Request) -> web.Response:
    """What is known of a program that exec started."""
    found = request.match_info["id"], request.match_info["exec_id"]
    state = await asyncio.to_thread(request.app[ENGINE].exec_state, *found)
    return web.json_response(state.to_json())


async def post_resize(request: web.Request) -> web.Response:
    """Tell a container's terminal its size: `{"height", "width"}`."""
    size = _size(await _object(request))
    await asyncio.to_thread(request.app[ENGINE].resize, request.match_info["id"], size)
    return web.Response(status=204)


async def _open(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(max_msg_size=_MOST_BYTES)
    await socket.prepare(request)
    return socket


async def _begin(request: web.Request, text: str) -> tuple[Exec, ExecSession]:
    asked = _parsed(text)
    spec, exec_id = ExecSpec.from_json(asked.pop("spec", None)), asked.pop("exec_id", None)
    keys = {"detach_keys": str(asked.pop("detach_keys"))} if "detach_keys" in asked else {}
    if asked:
        raise InvalidSpec(next(iter(asked)), "is not a known field")
    running = await asyncio.to_thread(request.app[ENGINE].exec, request.match_info["id"], spec, exec_id=exec_id)
    try:
        return running, running.session(**keys)
    except EngineError:
        running.close()
        raise


async def _converse(socket: web.WebSocketResponse, session: Session, ended: Ended) -> None:
    """Both ways at once, until the output has ended, the keys to leave were typed, or the client has gone."""
    showing = asyncio.create_task(_show(socket, session))
    hearing = asyncio.create_task(_hear(socket, session))
    try:
        await asyncio.wait({showing, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if showing.done():
            showing.result()
            await socket.send_json({"end": await ended()})
        elif hearing.result():
            await socket.send_json({"detached": True})
        await socket.close()
    except EngineError as error:
        await _fail(socket, error)
    except ConnectionResetError:
        return  # the client has gone
    finally:
        for task in (showing, hearing):
            task.cancel()
            with suppress(asyncio.CancelledError, EngineError, ConnectionResetError):
                await task


async def _show(socket: web.WebSocketResponse, session: Session) -> None:
    async with aclosing(session.output()) as outputs:
        async for output in outputs:
            await socket.send_bytes(_STREAMS[output.stream] + output.data)


async def _hear(socket: web.WebSocketResponse, session: Session) -> bool:
    """Whether the client left by the keys rather than by going."""
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await _obey(session, _parsed(message.data))
        elif message.type is WSMsgType.BINARY:
            with suppress(BrokenPipeError):  # it reads no more, but may well go on to write
                if not await session.write(message.data):
                    return True
    return False


async def _obey(session: Session, asked: dict[str, Any]) -> None:
    match asked:
        case {"resize": dict(size)}:
            await session.resize(_size(size))
        case {"close_input": True}:
            await session.close_input()
        case _:
            raise InvalidSpec("message", f"{str(asked)[:80]} is not known here")


async def _state_of(session: ExecSession) -> object:
    return (await session.wait()).to_json()


async def _fail(socket: web.WebSocketResponse, error: EngineError) -> None:
    await socket.send_json({"error": error.to_json()})
    await socket.close()


async def _object(request: web.Request) -> dict[str, Any]:
    return _parsed(await request.text())


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidSpec("message", "must be a JSON object")
    return value


def _size(value: dict[str, Any]) -> ConsoleSize:
    match value:
        case {"height": int(height), "width": int(width)} if len(value) == 2:
            return ConsoleSize(height=height, width=width)
    raise InvalidSpec("size", "must have a height and a width, in characters")
