"""A host agent and a real web server that runs the panel's own application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from tests.services.agent import agent, agents, container_id, engine, writer

__all__ = ["agent", "agents", "container_id", "engine", "web_server", "writer"]


@asynccontextmanager
async def web_server() -> AsyncIterator[str]:
    """The panel's own application in a real web server; yields `127.0.0.1:port`."""
    from panel.asgi import application

    config = uvicorn.Config(application, port=0, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving
