"""The one place that turns engine errors into the agent's HTTP answers."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from engine import Conflict, EngineError, InvalidArchive, InvalidSpec, LauncherUnavailable, NotFound, StorageFull

logger = logging.getLogger(__name__)

_STATUSES: dict[type[EngineError], int] = {
    NotFound: 404,
    Conflict: 409,
    InvalidSpec: 422,
    InvalidArchive: 422,
    LauncherUnavailable: 503,
    StorageFull: 507,
}


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what fails with `{"code", "message", "hint"}`; a stream that has begun is cut off instead."""
    try:
        return await handler(request)
    except EngineError as error:
        logger.log(
            logging.INFO if status_of(error) < 500 else logging.ERROR, "%s %s: %s", request.method, request.path, error
        )
        if request.get("has_begun"):
            raise
        return web.json_response(error.to_json(), status=status_of(error))
    except (web.HTTPException, ConnectionError):
        raise
    except Exception as error:
        logger.exception("%s %s failed", request.method, request.path)
        if request.get("has_begun"):
            raise
        unexpected = EngineError(f"{type(error).__name__}: {error}", hint="The agent's log says more.")
        return web.json_response(unexpected.to_json(), status=500)


def status_of(error: EngineError) -> int:
    """The HTTP status of an engine error; 500 for what is the host's own fault."""
    return next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)
