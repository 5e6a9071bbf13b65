"""`GET /v1/prunable`: which containers a prune would remove."""

import asyncio

from aiohttp import web

from engine import PruneFilters
from panel.agent.keys import ENGINE


async def get_prunable(request: web.Request) -> web.Response:
    """`{"containers": [{"id", "name", "size_bytes"}], "size_bytes"}`; narrowed by `until`, `label`, `without_label`."""
    query = request.query
    filters = PruneFilters(
        query.get("until", ""), tuple(query.getall("label", [])), tuple(query.getall("without_label", []))
    )
    found = await asyncio.to_thread(request.app[ENGINE].prune, filters, dry_run=True)
    told = [one.to_json() for one in found]
    return web.json_response({"containers": told, "size_bytes": sum(one.size_bytes for one in found)})
