"""`GET /v1/volumes`, `…/{name}`: the volumes of this host."""

import asyncio

from aiohttp import web

from panel.agent.keys import ENGINE
from panel.agent.query import flag


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
