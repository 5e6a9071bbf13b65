"""A host's engine without a panel: a launcher of its own on temporary folders."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine import ContainerSpec, Engine, EngineError, Image, Status

CHECKOUT = Path(__file__).resolve().parents[1]


@contextmanager
def host(folder: Path) -> Iterator[Engine]:
    """An engine with its launcher; every container is removed at the end."""
    home, run = folder / "home", folder / "run"
    home.mkdir()
    run.mkdir()
    command = [
        "setpriv",
        "--pdeathsig",
        "TERM",
        sys.executable,
        "-S",
        "-m",
        "engine.launcher",
        str(run / "launcher.sock"),
    ]
    launcher = subprocess.Popen(command, cwd=CHECKOUT)
    engine = Engine(home, run)
    try:
        wait_for_launcher(engine)
        yield engine
    finally:
        for state in engine.states():
            engine.remove(state.id, force=True)
        launcher.terminate()
        launcher.wait(timeout=10)


def wait_for_launcher(engine: Engine) -> None:
    """Return when the launcher answers; its own error after ten seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with suppress(EngineError):
            return engine.ping_launcher()
        time.sleep(0.02)
    return engine.ping_launcher()


def spec_of(image: Image, name: str, *command: str) -> ContainerSpec:
    """The plainest container of this image."""
    return ContainerSpec(name=name, image=image.id, command=command)


def wait_for_exit(engine: Engine, container: str) -> None:
    """Return when the engine has recorded the container's end."""
    while engine.state(container).status is not Status.EXITED:
        time.sleep(0.001)
