"""`GET /v1/containers/{id}/diff`, `…/export`, `…/archive?path=`, `…/path?path=`: its files, running or not."""

from aiohttp import web

from engine import InvalidSpec
from panel.agent.keys import ENGINE
from panel.agent.streams import send_lines, send_tar
from panel.agent.threads import in_thread


async def get_diff(request: web.Request) -> web.StreamResponse:
    """What it changed in its image's files: `{"path", "kind"}` a line."""
    changes = await in_thread(request.app[ENGINE].diff, request.match_info["id"])
    return await send_lines(request, changes)


async def get_export(request: web.Request) -> web.StreamResponse:
    """Its whole root as a tar."""
    stream = await in_thread(request.app[ENGINE].export, request.match_info["id"])
    return await send_tar(request, stream)


async def get_path(request: web.Request) -> web.Response:
    """What is known of `path`, as JSON."""
    found = await in_thread(request.app[ENGINE].stat_path, request.match_info["id"], _path(request))
    return web.json_response(found.to_json())


async def get_archive(request: web.Request) -> web.StreamResponse:
    """What is under `path` as a tar."""
    _, stream = await in_thread(request.app[ENGINE].copy_out, request.match_info["id"], _path(request))
    return await send_tar(request, stream)


def _path(request: web.Request) -> str:
    path = request.query.get("path", "")
    if not path:
        raise InvalidSpec("path", "is missing", hint="Name a file or folder of the container.")
    return path
