"""`GET /v1/images/…`: archives of images, what is inside them, and which of them a prune would remove."""

from aiohttp import web

from engine import FileQuery, ImagePruneFilters
from panel.agent.keys import ENGINE
from panel.agent.query import flag, whole
from panel.agent.streams import send_tar
from panel.agent.threads import in_thread


async def get_archive(request: web.Request) -> web.StreamResponse:
    """The images of every `name` as one archive in `format`, `docker` unless it says `oci`."""
    names, form = request.query.getall("name", []), request.query.get("format") or "docker"
    stream = await in_thread(request.app[ENGINE].save, names, format=form)
    return await send_tar(request, stream)


async def get_prunable(request: web.Request) -> web.Response:
    """`{"images": […], "freed_bytes"}`; narrowed by `dangling`, `until`, `label`, `without_label`."""
    query = request.query
    filters = ImagePruneFilters(
        query.get("until", ""),
        tuple(query.getall("label", [])),
        tuple(query.getall("without_label", [])),
        dangling="dangling" not in query or flag(request, "dangling"),
    )
    found = await in_thread(request.app[ENGINE].prune_images, filters, dry_run=True)
    return web.json_response(found.to_json())


async def get_history(request: web.Request) -> web.Response:
    """`{"steps": […]}`, first to last."""
    steps = await in_thread(request.app[ENGINE].image_history, request.match_info["id"])
    return web.json_response({"steps": [step.to_json() for step in steps]})


async def get_layers(request: web.Request) -> web.Response:
    """`{"layers": […]}`, lowest first."""
    layers = await in_thread(request.app[ENGINE].image_layers, request.match_info["id"])
    return web.json_response({"layers": [layer.to_json() for layer in layers]})


async def get_files(request: web.Request) -> web.Response:
    """A page of what its layers do: `{"files": […], "next"}`; `layer`, `search`, `kind`, `after`, `limit`."""
    page = await in_thread(request.app[ENGINE].image_files, request.match_info["id"], _query(request))
    return web.json_response(page.to_json())


async def get_comparison(request: web.Request) -> web.Response:
    """How the image `other` differs from it in layers and configuration."""
    pair = request.match_info["id"], request.query.get("other", "")
    found = await in_thread(request.app[ENGINE].compare_images, *pair)
    return web.json_response(found.to_json())


async def get_compared_files(request: web.Request) -> web.Response:
    """A page of how the files of the image `other` differ from its own; asked as `get_files`."""
    pair = request.match_info["id"], request.query.get("other", "")
    page = await in_thread(request.app[ENGINE].compare_image_files, *pair, _query(request))
    return web.json_response(page.to_json())


def _query(request: web.Request) -> FileQuery:
    told = {name: request.query[name] for name in ("search", "kind", "after") if name in request.query}
    return FileQuery(layer=whole(request, "layer", 0), limit=whole(request, "limit", FileQuery.limit), **told)
