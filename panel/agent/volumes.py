"""`GET /v1/volumes`, `…/{name}`: the volumes of this host, their backups, and what they take on the disk."""

import asyncio
import logging
from collections.abc import Generator
from contextlib import ExitStack
from typing import BinaryIO

from aiohttp import web

from engine import Engine, EngineError, TarStream
from panel.agent.keys import ENGINE
from panel.agent.query import flag
from panel.agent.streams import send_tar
from panel.agent.threads import in_thread

logger = logging.getLogger(__name__)

ZSTD = "application/zstd"
MEASURED_EVERY_S = 900.0
_LOOK_S = 30.0
_PIECE_BYTES = 256 << 10


async def get_volumes(request: web.Request) -> web.Response:
    """`{"volumes": […]}`; with `unused` those a prune would take, with `with_named` also those with a name."""
    engine = request.app[ENGINE]
    if flag(request, "unused"):
        found = await asyncio.to_thread(engine.unused_volumes, with_named=flag(request, "with_named"))
    else:
        found = await asyncio.to_thread(engine.volumes)
    return web.json_response({"volumes": [volume.to_json() for volume in found]})


async def get_volume(request: web.Request) -> web.Response:
    """One of them."""
    found = await asyncio.to_thread(request.app[ENGINE].volume, request.match_info["name"])
    return web.json_response(found.to_json())


async def get_prunable_volumes(request: web.Request) -> web.Response:
    """`{"volumes": [{"id", "name", "size_bytes"}]}`: what a prune would take, with what it takes on the disk."""
    engine = request.app[ENGINE]
    found = await in_thread(engine.prunable_volumes, with_named=flag(request, "with_named"))
    return web.json_response({"volumes": [volume.to_json() for volume in found]})


async def get_backups(request: web.Request) -> web.Response:
    """`{"backups": […]}`, newest first: of one volume, or of all."""
    found = await in_thread(request.app[ENGINE].volume_backups, request.match_info.get("name", ""))
    return web.json_response({"backups": [backup.to_json() for backup in found]})


async def get_volume_archive(request: web.Request) -> web.StreamResponse:
    """What the volume holds, as a tar in zstd."""
    stream = await in_thread(request.app[ENGINE].volume_archive, request.match_info["name"])
    return await send_tar(request, stream, ZSTD)


async def get_backup_archive(request: web.Request) -> web.StreamResponse:
    """The file of a backup."""
    place = request.match_info
    file = await in_thread(request.app[ENGINE].open_volume_backup, place["name"], place["backup"])
    resources = ExitStack()
    resources.enter_context(file)
    return await send_tar(request, TarStream(_pieces(file), resources), ZSTD)


async def measure_for_ever(engine: Engine) -> None:
    """Keep what is told of volumes whose trees alone tell what they take from becoming old."""
    while True:
        try:
            await in_thread(engine.measure_volumes, older_than_s=MEASURED_EVERY_S)
        except (EngineError, OSError) as error:
            logger.error("volumes cannot be measured: %s", error)
        await asyncio.sleep(_LOOK_S)


def _pieces(file: BinaryIO) -> Generator[bytes, None, None]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
