"""A host agent on the test run's folders, and a container whose log the tests write themselves."""

import io
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import ContainerSpec, Engine
from engine.logs.writer import LogWriter
from panel.environment import Environment
from tests.images import busybox, docker_archive
from tests.services.processes import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """An engine on the test run's folders, with the image `busybox:test`."""
    environment = Environment.from_env()
    engine = Engine(environment.home, environment.run)
    engine.load_image(io.BytesIO(docker_archive(busybox("busybox:test"))))
    return engine


@pytest.fixture(scope="module")
def agents() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """The agents of a module's tests; one at most is alive."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.terminate()
        process.wait(10)


@pytest.fixture
def agent(engine: Engine, agents: list["subprocess.Popen[bytes]"]) -> "subprocess.Popen[bytes]":
    """A host agent on the test run's folders: that of the test before, unless it was killed."""
    if not agents or agents[-1].poll() is not None:
        agents.append(start_agent())
    return agents[-1]


def start_agent() -> "subprocess.Popen[bytes]":
    """One more agent, once it answers."""
    process = subprocess.Popen([sys.executable, "-m", "panel.agent"], cwd=CHECKOUT)
    wait_until(_agent_answers, "the agent answers")
    return process


def _agent_answers() -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(Environment.from_env().agent_socket)) == 0


@pytest.fixture
def container_id(engine: Engine) -> Iterator[str]:
    """A container of this host that never runs."""
    container_id = secrets.token_hex(32)
    spec = ContainerSpec(name=f"t-{container_id[:8]}", image="busybox:test", command=("true",))
    engine.create(container_id, spec)
    yield container_id
    engine.remove(container_id)


@pytest.fixture
def writer(container_id: str) -> LogWriter:
    """The log of that container, as its shim would hold it."""
    return LogWriter(str(Environment.from_env().home / "containers" / container_id / "log"))
