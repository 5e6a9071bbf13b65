"""`/v1/uploads/{id}`: files on their way to the engine, taken no faster than the disk writes them."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from aiohttp import StreamReader, web

from engine import Upload
from panel.agent.keys import ENGINE

Result = TypeVar("Result")


async def put_upload(request: web.Request) -> web.Response:
    """Store the body; 201 and its size. What came is removed if the client goes away or the disk is full."""
    upload = await asyncio.to_thread(request.app[ENGINE].open_upload, request.match_info["id"])
    try:
        await _receive(request.content, upload)
        size = await _in_thread(upload.commit)
    except BaseException:  # also the cancellation that a lost client is
        await _in_thread(upload.abort)
        raise
    return web.json_response({"size": size}, status=201)


async def delete_upload(request: web.Request) -> web.Response:
    """Remove an upload, finished or not; one that is gone already is no error."""
    upload = await asyncio.to_thread(request.app[ENGINE].open_upload, request.match_info["id"])
    await asyncio.to_thread(upload.abort)
    return web.Response(status=204)


async def _receive(content: StreamReader, upload: Upload) -> None:
    await _in_thread(upload.write, b"")
    async for chunk in content.iter_any():
        await _in_thread(upload.write, chunk)


async def _in_thread(function: Callable[..., Result], *arguments: object) -> Result:
    """Run `function` in a thread; wait for its end even when cancelled, so that nothing else touches the file."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
