"""Serves `/v2/` beside Django: what is small is answered whole, blobs are streamed to and from their files.

Django would put a blob of gigabytes into a file of its own before any view saw it. Here a body is taken in batches,
each written while the next one comes in; the client is read no faster than the disk takes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from panel.distribution.errors import DigestInvalid, SizeInvalid, StorageFull
from panel.distribution.protocol import problems
from panel.distribution.protocol.messages import BYTES, Answer, Call, FileAnswer, Receiving
from panel.distribution.protocol.routes import VERSION, respond, taken_whole
from panel.distribution.storage import Writer
from panel.handler import RequestThreads
from panel.uploads.asgi import Body

BATCH_BYTES = 1 << 20

NO_PAGE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
"""Somebody else's bytes, whatever kind they say they are, are nothing for a browser to show."""

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class Registry:
    """The ASGI application: `inner`, but for `/v2/`."""

    def __init__(self, inner: ASGI3Application) -> None:
        self._inner = inner
        self._in_thread: InThread = RequestThreads("registry").wrapped(lambda function: function())

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not f"{scope['path']}/".startswith("/v2/"):
            await self._inner(scope, receive, send)
            return
        body, call = Body(receive), Call.from_scope(scope)
        if most := taken_whole(call.method, call.path):
            content = await _bounded(body, most)
            if content is None:
                return
            call = replace(call, body=content)
        reply = await self._in_thread(lambda: respond(call))
        if isinstance(reply, Receiving):
            reply = await self._receive(call, reply, body)
        if isinstance(reply, FileAnswer):
            await self._send_file(reply, receive, send)
        elif reply is not None:
            await _send(call, reply, send)

    async def _receive(self, call: Call, receiving: Receiving, body: Body) -> Answer | None:
        """Write the body, then answer; None if the client went away, whose upload then is as long as what came."""
        writer, before = receiving.writer, receiving.writer.length
        try:
            await self._write(writer, body)
            if body.is_cut:
                return None
            if receiving.expected not in (None, writer.length - before):
                raise SizeInvalid(f"{writer.length - before} bytes came, not {receiving.expected}")
            answer: Answer = await self._in_thread(receiving.finish)
        except Exception as error:
            if isinstance(error, DigestInvalid | StorageFull):
                await self._in_thread(receiving.abandon)
            return problems.answer(call, error)
        finally:
            await self._in_thread(writer.close)
        return answer

    async def _write(self, writer: Writer, body: Body) -> None:
        """Batch by batch, the next one taken from the client meanwhile."""
        writing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        writing.set_result(None)
        try:
            async for batch in _batches(body):
                await writing
                writing = asyncio.ensure_future(self._in_thread(partial(writer.write, batch)))
        finally:
            await writing

    async def _send_file(self, answer: FileAnswer, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Read the next piece while this one is sent; stop when the client has gone."""
        await _start(send, answer.status, answer.length, BYTES, answer.headers)
        gone = asyncio.ensure_future(_gone(receive))
        left, file = answer.length, answer.file
        file.seek(answer.offset)

        def read_next() -> "asyncio.Future[bytes]":
            return asyncio.ensure_future(self._in_thread(partial(file.read, min(left, BATCH_BYTES))))

        reading = read_next()
        try:
            while left and not gone.done():
                piece = await reading
                if not piece:
                    raise OSError(f"a blob is {left} bytes shorter than it was")
                left -= len(piece)
                reading = read_next()
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            if not answer.length:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            await reading
            await self._in_thread(file.close)


async def _batches(body: Body) -> AsyncIterator[bytes]:
    """The body in larger pieces than the web server reads it; the last one too when the client goes away."""
    batch = bytearray()
    try:
        async for chunk in body.chunks():
            batch += chunk
            if len(batch) >= BATCH_BYTES:
                yield bytes(batch)
                batch.clear()
    except ConnectionResetError:
        pass  # `body.is_cut` tells
    if batch:
        yield bytes(batch)


async def _bounded(body: Body, most: int) -> bytes | None:
    """The whole body, or so much of it that it is longer than `most`; None if the client went away."""
    content = bytearray()
    try:
        async for chunk in body.chunks():
            content += chunk
            if len(content) > most:
                break
    except ConnectionResetError:
        return None
    return bytes(content)


async def _gone(receive: ASGIReceiveCallable) -> None:
    """Returns when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(call: Call, answer: Answer, send: ASGISendCallable) -> None:
    body = b"" if call.method == "HEAD" else answer.body
    await _start(send, answer.status, len(answer.body), answer.content_type, answer.headers)
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _start(send: ASGISendCallable, status: int, length: int, content_type: str, headers: Any) -> None:
    told = VERSION | NO_PAGE | dict(headers)
    if status != 204:
        told = {"Content-Length": str(length)} | told
    if content_type:
        told["Content-Type"] = content_type
    encoded = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded, "trailers": False})
