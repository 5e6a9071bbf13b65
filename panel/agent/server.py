"""The agent's HTTP server: its routes, its life from start to SIGTERM."""

import asyncio
import signal
from contextlib import AsyncExitStack, suppress

from aiohttp import web

from engine import Engine, EngineError, raise_nofile
from panel.agent import browsing, images
from panel.agent.errors import answer_errors
from panel.agent.files import get_archive, get_diff, get_export, get_path
from panel.agent.inspect import get_inspect
from panel.agent.keys import ENGINE
from panel.agent.logs import get_logs
from panel.agent.observing import get_stats, get_top, get_wait
from panel.agent.pruning import get_prunable
from panel.agent.reports import Reporter, Send, listen
from panel.agent.sessions import get_attach, get_exec, get_exec_state, post_exec, post_resize
from panel.agent.sockets import observed_socket, request_socket
from panel.agent.uploads import delete_upload, put_upload
from panel.agent.volumes import (
    get_backup_archive,
    get_backups,
    get_prunable_volumes,
    get_volume,
    get_volume_archive,
    get_volumes,
    measure_for_ever,
)
from panel.environment import Environment

VERSION = "1"
_READ_BYTES = 256 << 10


async def get_ping(request: web.Request) -> web.Response:
    """Whether agent and launcher answer."""
    try:
        await asyncio.to_thread(request.app[ENGINE].ping_launcher)
        launcher = "ok"
    except EngineError as error:
        launcher = error.message
    return web.json_response({"agent": "ok", "launcher": launcher, "version": VERSION})


def application(engine: Engine) -> web.Application:
    """The routes of docs/architecture.md, "The host agent"."""
    app = web.Application(middlewares=[answer_errors])
    app[ENGINE] = engine
    app.add_routes(
        [
            web.get("/v1/ping", get_ping),
            web.get("/v1/containers/{id}/inspect", get_inspect),
            web.get("/v1/containers/{id}/logs", get_logs),
            web.get("/v1/containers/{id}/attach", get_attach),
            web.post("/v1/containers/{id}/resize", post_resize),
            web.get("/v1/containers/{id}/exec", get_exec),
            web.post("/v1/containers/{id}/exec", post_exec),
            web.get("/v1/containers/{id}/exec/{exec_id}", get_exec_state),
            web.get("/v1/containers/{id}/top", get_top),
            web.get("/v1/containers/{id}/stats", get_stats),
            web.get("/v1/containers/{id}/wait", get_wait),
            web.get("/v1/containers/{id}/diff", get_diff),
            web.get("/v1/containers/{id}/export", get_export),
            web.get("/v1/containers/{id}/archive", get_archive),
            web.get("/v1/containers/{id}/path", get_path),
            *browsing.routes(),
            web.get("/v1/prunable", get_prunable),
            web.get("/v1/images/archive", images.get_archive),
            web.get("/v1/images/prunable", images.get_prunable),
            web.get("/v1/images/{id}/history", images.get_history),
            web.get("/v1/images/{id}/layers", images.get_layers),
            web.get("/v1/images/{id}/files", images.get_files),
            web.get("/v1/images/{id}/comparison", images.get_comparison),
            web.get("/v1/images/{id}/comparison/files", images.get_compared_files),
            web.get("/v1/volumes", get_volumes),
            web.get("/v1/volumes/{name}", get_volume),
            web.get("/v1/volumes/{name}/archive", get_volume_archive),
            web.get("/v1/volumes/{name}/backups", get_backups),
            web.get("/v1/volumes/{name}/backups/{backup}/archive", get_backup_archive),
            web.get("/v1/backups", get_backups),
            web.get("/v1/prunable-volumes", get_prunable_volumes),
            web.put("/v1/uploads/{id}", put_upload),
            web.delete("/v1/uploads/{id}", delete_upload),
        ]
    )
    return app


async def serve(environment: Environment, send: Send) -> None:
    """Run the agent until SIGTERM or SIGINT. Raises `SocketTakenError` if another one runs."""
    raise_nofile()  # each reader keeps the segments open that it still has to read
    engine = Engine(environment.home, environment.run)
    reporter = Reporter(engine, send)
    # handler_cancellation: a client that leaves ends its stream at once, not at the next line of a quiet container.
    runner = web.AppRunner(
        application(engine), access_log=None, handler_cancellation=True, shutdown_timeout=1, read_bufsize=_READ_BYTES
    )
    async with AsyncExitStack() as stack:
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        observed = await listen(reporter, observed_socket(environment.observed_socket))
        stack.callback(observed.close)
        await web.SockSite(runner, request_socket(environment.agent_socket)).start()
        reporting = asyncio.create_task(reporter.run())
        stack.callback(reporting.cancel)
        measuring = asyncio.create_task(measure_for_ever(engine))
        stack.callback(measuring.cancel)
        await _first_of(_asked_to_stop(), reporting)


async def _first_of(stop: asyncio.Event, reporting: asyncio.Task[None]) -> None:
    """Return when `stop` is set; a reporter that fails takes the agent down with its error, to be started anew."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, reporting], return_when=asyncio.FIRST_COMPLETED)
    if reporting.done():
        stopping.cancel()
        with suppress(asyncio.CancelledError):
            await stopping
        reporting.result()


def _asked_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
