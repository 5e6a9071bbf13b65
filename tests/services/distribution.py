"""The panel's registry on a real socket, in a thread of the test run: it sees the test's database."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from tests.services.processes import wait_until


class Server:
    """A web server with the registry in it. `address` is `127.0.0.1:PORT`."""

    def __init__(self) -> None:
        from panel.asgi import django_application
        from panel.distribution.protocol.asgi import Registry

        application: Any = Registry(django_application)
        config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started, "the registry answers", timeout_s=30)
        self.address = f"127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join(30)


@pytest.fixture(scope="session")
def registry_server() -> Iterator[Server]:
    """One for the whole run: what it serves is whatever the database has at that moment."""
    server = Server()
    yield server
    server.stop()
