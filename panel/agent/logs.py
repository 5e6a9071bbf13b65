"""`GET /v1/containers/{id}/logs`: a container's log as NDJSON, at the pace of whoever reads it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from typing import Any

from aiohttp import web

from engine import LogBatch
from panel.agent.keys import ENGINE
from panel.agent.query import flag, whole
from panel.agent.streams import LINES, begin, encoded

_NUMBERS = {"tail": "tail", "since": "since_ns", "until": "until_ns"}


async def get_logs(request: web.Request) -> web.StreamResponse:
    """Stream batches, one a line; the query is `follow`, `tail`, `since` and `until` in nanoseconds, `after`."""
    batches = await _batches(request)
    response = await begin(request, LINES)
    with suppress(ConnectionResetError):  # whoever read this has enough
        async with aclosing(batches):
            async for batch in batches:
                await response.write(encoded(batch.to_json()))
        await response.write_eof()
    return response


async def _batches(request: web.Request) -> AsyncGenerator[LogBatch, None]:
    selection = _selection(request)
    reader = await asyncio.to_thread(request.app[ENGINE].logs, request.match_info["id"])
    if not flag(request, "follow"):
        return _read_in_thread(reader.read(**selection))
    return reader.follow(**selection)


def _selection(request: web.Request) -> dict[str, Any]:
    selection: dict[str, Any] = {}
    for name, argument in _NUMBERS.items():
        if request.query.get(name):
            selection[argument] = whole(request, name, 0)
    if "after" in request.query:
        selection["after"] = request.query["after"]
    return selection


async def _read_in_thread(batches: Iterator[LogBatch]) -> AsyncGenerator[LogBatch, None]:
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        yield batch
