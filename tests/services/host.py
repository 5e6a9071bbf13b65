"""A host's engine without a panel: a launcher of its own on temporary folders, and what tests ask of its containers."""

import io
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import ContainerSpec, ContainerState, Engine, EngineError, LogLine, Status
from tests.images import busybox, docker_archive
from tests.services.processes import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass
class Host:
    """An engine, its launcher's process, and the busybox image in its store."""

    home: Path
    run: Path
    engine: Engine
    launcher: "subprocess.Popen[bytes]"

    def create(self, *command: str, **spec: object) -> str:
        """Make a container of the busybox image that runs `command`; its id."""
        container_id = secrets.token_hex(32)
        asked = {"name": f"t-{container_id[:8]}", "image": "busybox:test", "command": command} | spec
        self.engine.create(container_id, ContainerSpec(**asked))  # type: ignore[arg-type]
        return container_id

    def start(self, *command: str, **spec: object) -> str:
        """Make and start a container; its id."""
        container_id = self.create(*command, **spec)
        self.engine.start(container_id)
        return container_id

    def finish(self, *command: str, **spec: object) -> tuple[ContainerState, str]:
        """Run a container to its end; its last state and all that it wrote."""
        container_id = self.start(*command, **spec)
        return self.wait(container_id), self.output(container_id)

    def wait(self, container_id: str, *, timeout_s: float = 20.0) -> ContainerState:
        """Its state once it has ended."""
        wait_until(lambda: self.engine.state(container_id).status is Status.EXITED, "it has ended", timeout_s=timeout_s)
        return self.engine.state(container_id)

    def output(self, container_id: str) -> str:
        """Everything its log holds, both streams in order."""
        return "".join(f"{line.text.decode()}\n" for line in self.lines(container_id))

    def wait_for_output(self, container_id: str, text: str) -> None:
        """Return when its log holds `text`."""
        wait_until(lambda: text in self.output(container_id), f"it has written {text!r}")

    def lines(self, container_id: str) -> list[LogLine]:
        """Its log, line by line."""
        return [line for batch in self.engine.logs(container_id).read() for line in batch.lines]

    def restart_launcher(self) -> None:
        """Kill the launcher and start another."""
        self.launcher.kill()
        self.launcher.wait()
        self.launcher = start_launcher(self.run)
        await_launcher(self.engine)


def start_launcher(run: Path) -> "subprocess.Popen[bytes]":
    """A launcher on the sockets of `run`, tied to the test run's life."""
    command = [sys.executable, "-S", "-m", "engine.launcher", str(run / "launcher.sock")]
    return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], cwd=CHECKOUT)


def await_launcher(engine: Engine) -> None:
    """Return when it answers."""

    def answers() -> bool:
        with suppress(EngineError):
            engine.ping_launcher()
            return True
        return False

    wait_until(answers, "the launcher answers")


@contextmanager
def running_host(below: str = "/tmp") -> Iterator[Host]:
    """A host on folders of its own; nothing of it is left at the end."""
    with tempfile.TemporaryDirectory(prefix="mh-", dir=below) as folder:
        home, run = Path(folder, "home"), Path(folder, "run")
        home.mkdir()
        run.mkdir()
        engine = Engine(home, run)
        host = Host(home, run, engine, start_launcher(run))
        try:
            await_launcher(engine)
            yield host
        finally:
            for state in engine.states():
                engine.remove(state.id, force=True)
            host.launcher.terminate()
            host.launcher.wait(timeout=10)
            groups = engine._runtime.cgroups
            groups.remove(f"/{groups.parent}")


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host with the image `busybox:test`, shared by the tests of one module."""
    with running_host() as running:
        running.engine.load_image(io.BytesIO(docker_archive(busybox("busybox:test"))))
        yield running
