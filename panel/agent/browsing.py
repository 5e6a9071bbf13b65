"""`/v1/containers/{id}/files…` and `/v1/volumes/{name}/files…`: files of containers and volumes, looked at."""

from dataclasses import fields

from aiohttp import web

from engine import Files, FolderQuery, InvalidSpec
from panel.agent.keys import ENGINE
from panel.agent.query import flag, whole
from panel.agent.streams import BYTES, send_tar
from panel.agent.threads import in_thread

_TEXTS = tuple(field.name for field in fields(FolderQuery) if field.type is str)


def routes() -> list[web.RouteDef]:
    """The same for both."""
    return [
        route
        for place in ("/v1/containers/{id}/files", "/v1/volumes/{name}/files")
        for route in (
            web.get(place, get_folder),
            web.get(f"{place}/entry", get_entry),
            web.get(f"{place}/view", get_view),
            web.get(f"{place}/content", get_content),
            web.get(f"{place}/archive", get_archive),
            web.post(f"{place}/removable", post_removable),
        )
    ]


async def get_folder(request: web.Request) -> web.Response:
    """A page of a folder: `path`, `sort`, `descending`, `search`, `after`, `limit`."""
    told = {name: request.query[name] for name in _TEXTS if name in request.query}
    limit = whole(request, "limit", FolderQuery.limit)
    query = FolderQuery(descending=flag(request, "descending"), limit=limit, **told)
    found = await in_thread(_files(request).list, query)
    return web.json_response(found.to_json())


async def get_entry(request: web.Request) -> web.Response:
    """What is at `path`."""
    found = await in_thread(_files(request).stat, _path(request))
    return web.json_response(found.to_json())


async def get_view(request: web.Request) -> web.Response:
    """The file at `path`, to be shown."""
    found = await in_thread(_files(request).view, _path(request))
    return web.json_response(found.to_json())


async def get_content(request: web.Request) -> web.StreamResponse:
    """The bytes of the file at `path`."""
    stream = await in_thread(_files(request).read, _path(request))
    return await send_tar(request, stream, BYTES)


async def get_archive(request: web.Request) -> web.StreamResponse:
    """The folder at `path` as a tar."""
    stream = await in_thread(_files(request).pack, _path(request))
    return await send_tar(request, stream)


async def post_removable(request: web.Request) -> web.Response:
    """What would go with `{"paths": […]}`."""
    body = await request.json()
    paths = body.get("paths") if isinstance(body, dict) else None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise InvalidSpec("paths", "is not a list of paths")
    found = await in_thread(_files(request).removable, paths)
    return web.json_response(found.to_json())


def _files(request: web.Request) -> Files:
    engine, place = request.app[ENGINE], request.match_info
    return engine.container_files(place["id"]) if "id" in place else engine.volume_files(place["name"])


def _path(request: web.Request) -> str:
    return request.query.get("path", "")
