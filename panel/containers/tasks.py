"""What a host does with containers: one task, one verb of the engine."""

from typing import Any

from engine import ContainerSpec, ContainerState
from panel.operations.host import operation
from panel.operations.work import Outcome, Work


@operation("containers.create")
def create(work: Work, id: str, spec: dict[str, Any], start: bool) -> Outcome:  # noqa: A002 - the payload's word
    """Create the container and, if asked, start it."""
    state = work.engine.create(id, ContainerSpec.from_json(spec))
    return _told(work.engine.start(id) if start else state)


@operation("containers.start")
def start(work: Work, id: str) -> Outcome:  # noqa: A002
    """Start it."""
    return _told(work.engine.start(id))


@operation("containers.stop")
def stop(
    work: Work,
    id: str,  # noqa: A002
    signal: str | None = None,
    timeout_s: float | None = None,
    asked_by: str = "",
) -> Outcome:
    """Stop it."""
    return _told(work.engine.stop(id, signal=signal, timeout_s=timeout_s, asked_by=asked_by))


@operation("containers.kill", is_exclusive=False)
def kill(work: Work, id: str, signal: str = "KILL", asked_by: str = "") -> Outcome:  # noqa: A002
    """Signal it, also while a stop waits for it."""
    return _told(work.engine.kill(id, signal=signal, asked_by=asked_by))


@operation("containers.restart")
def restart(work: Work, id: str, timeout_s: float | None = None, asked_by: str = "") -> Outcome:  # noqa: A002
    """Stop it if it runs and start it."""
    return _told(work.engine.restart(id, timeout_s=timeout_s, asked_by=asked_by))


@operation("containers.remove")
def remove(work: Work, id: str, force: bool = False, asked_by: str = "") -> Outcome:  # noqa: A002
    """Remove it; one that is not there is removed already."""
    work.engine.remove(id, force=force, asked_by=asked_by)
    return Outcome(removed=[id])


def _told(state: ContainerState) -> Outcome:
    return Outcome(containers=[state.to_json()])
