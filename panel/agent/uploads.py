"""`/v1/uploads/{id}`: files on their way to the engine, taken no faster than the disk writes them."""

import asyncio

from aiohttp import StreamReader, web

from engine import Upload
from panel.agent.keys import ENGINE
from panel.agent.threads import in_thread


async def put_upload(request: web.Request) -> web.Response:
    """Store the body; 201 and its size. What came is removed if the client goes away or the disk is full."""
    upload = await asyncio.to_thread(request.app[ENGINE].open_upload, request.match_info["id"])
    try:
        await _receive(request.content, upload)
        size = await in_thread(upload.commit)
    except BaseException:  # also the cancellation that a lost client is
        await in_thread(upload.abort)
        raise
    return web.json_response({"size": size}, status=201)


async def delete_upload(request: web.Request) -> web.Response:
    """Remove an upload, finished or not; one that is gone already is no error."""
    upload = await asyncio.to_thread(request.app[ENGINE].open_upload, request.match_info["id"])
    await asyncio.to_thread(upload.abort)
    return web.Response(status=204)


async def _receive(content: StreamReader, upload: Upload) -> None:
    await in_thread(upload.write, b"")
    async for chunk in content.iter_any():
        await in_thread(upload.write, chunk)
