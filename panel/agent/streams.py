"""Answers of any length, at the pace of whoever reads them."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from aiohttp import web

from engine import TarStream
from panel.agent.threads import in_thread

LINES = "application/x-ndjson"
TAR = "application/x-tar"
BYTES = "application/octet-stream"


async def begin(request: web.Request, content_type: str) -> web.StreamResponse:
    """Begin a streamed answer; what fails from here on cuts it off."""
    request["has_begun"] = True
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
    await response.prepare(request)
    return response


async def send_tar(request: web.Request, stream: TarStream, content_type: str = TAR) -> web.StreamResponse:
    """Stream a tar, or other bytes, each piece made when the one before is on its way; in the end it is closed."""
    try:
        response = await begin(request, content_type)
        with suppress(ConnectionResetError):  # whoever read this has enough
            while (piece := await in_thread(next, stream, b"")) != b"":
                await response.write(piece)
            await response.write_eof()
    finally:
        stream.close()
    return response


async def send_lines(request: web.Request, values: Iterator[Any]) -> web.StreamResponse:
    """Stream values, each as one line of JSON. The first is awaited before the answer begins: it may be an error."""
    line = await asyncio.to_thread(_lines, values)
    response = await begin(request, LINES)
    with suppress(ConnectionResetError):
        while line:
            await response.write(line)
            line = await in_thread(_lines, values)
        await response.write_eof()
    return response


def encoded(value: Any) -> bytes:
    """A value as one line of ASCII JSON; bytes that are not UTF-8 are escaped lone surrogates (PEP 383)."""
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def _lines(values: Iterator[Any], most_bytes: int = 64 << 10) -> bytes:
    """The next values, some 64 KiB of them; nothing at their end."""
    lines, size = [], 0
    for value in values:
        lines.append(encoded(value.to_json()))
        size += len(lines[-1])
        if size >= most_bytes:
            break
    return b"".join(lines)
