"""`GET /v1/containers/{id}/inspect`: what the engine has on disk about a container."""

import asyncio

from aiohttp import web

from panel.agent.keys import ENGINE


async def get_inspect(request: web.Request) -> web.Response:
    """`{"state", "spec", "config", "volumes", "health", "deaths"}`; `config` is the OCI bundle's `config.json`."""
    found = await asyncio.to_thread(request.app[ENGINE].inspect, request.match_info["id"])
    return web.json_response(found)
