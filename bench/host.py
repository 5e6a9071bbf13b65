"""A host's engine without a panel: a launcher of its own on temporary folders."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import ContainerSpec, Engine, Image
from tests.services.host import await_launcher, start_launcher


@contextmanager
def host(folder: Path) -> Iterator[Engine]:
    """An engine with its launcher; every container is removed at the end."""
    home, run = folder / "home", folder / "run"
    home.mkdir()
    run.mkdir()
    launcher = start_launcher(run)
    engine = Engine(home, run)
    try:
        await_launcher(engine)
        yield engine
    finally:
        for state in engine.states():
            engine.remove(state.id, force=True)
        launcher.terminate()
        launcher.wait(timeout=10)
        groups = engine._runtime.cgroups
        groups.remove(f"/{groups.parent}")


def spec_of(image: Image, name: str, *command: str) -> ContainerSpec:
    """The plainest container of this image."""
    return ContainerSpec(name=name, image=image.id, command=command)
