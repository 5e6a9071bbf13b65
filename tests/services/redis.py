"""A real Redis on the socket where the panel's settings expect the embedded one."""

import shutil
from collections.abc import Iterator

import pytest
import redis as redis_client

from panel.environment import Environment
from tests.services.processes import running


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis that lives as long as the test run. Its socket is `Environment.from_env().redis_url`'s."""
    folder = tmp_path_factory.mktemp("redis")
    url = Environment.from_env().redis_url
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    assert server, "no redis-server or valkey-server is installed"
    command = [server, "--port", "0", "--unixsocket", url.removeprefix("unix://"), "--dir", str(folder), "--save", ""]
    with running(command, log=folder / "log", answers=lambda: _answers(url)):
        yield url


def _answers(url: str) -> bool:
    client = redis_client.Redis.from_url(url)
    try:
        return bool(client.ping())
    except redis_client.ConnectionError:
        return False
    finally:
        client.close()
