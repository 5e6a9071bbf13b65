"""pause and unpause: let everything in a container stand still, and run on.

`state.json` says which run is paused; the control group is made to agree. So a pause that was cut short between the two
is carried out by `repair`, and the next run of the container is not paused whoever begins it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from engine.container import state, wait
from engine.container.runtime import Runtime
from engine.errors import Conflict, EngineError
from engine.spec.container import ContainerState, Status


def pause(runtime: Runtime, container_id: str) -> ContainerState:
    """Return when no process of the container moves any more; nothing happens when it is paused already.

    Raises Conflict when it does not run, KernelError EBUSY when one of its processes cannot be stopped in 10 s.
    """
    with runtime.locked(container_id) as folder:
        current = wait.await_record(folder)
        if current.status is Status.PAUSED:
            return current
        state.check_step(current, Status.PAUSED)
        record = state.save(folder, replace(state.load_record(folder), paused_run=current.run))
        try:
            runtime.cgroups.freeze(record.cgroup)
        except EngineError as error:
            state.save(folder, replace(record, paused_run=0))
            if wait.await_record(folder).status is not Status.RUNNING:
                raise Conflict(f"Container {current.name} ended before it was paused.") from error
            raise
        return state.load(folder)


def unpause(runtime: Runtime, container_id: str) -> ContainerState:
    """Let a paused container run on; nothing happens when it runs. Raises Conflict when it does not."""
    with runtime.locked(container_id) as folder:
        current = wait.await_record(folder)
        if current.status not in (Status.RUNNING, Status.PAUSED):
            raise Conflict(f"Container {current.name} is {current.status} and cannot be unpaused.")
        lift(runtime, folder)
        return state.load(folder)


def lift(runtime: Runtime, folder: Path) -> None:
    """Let the container run on if it is paused, for a caller that holds its lock."""
    record = state.load_record(folder)
    if record.paused_run:
        state.save(folder, replace(record, paused_run=0))
        runtime.cgroups.thaw(record.cgroup)


def enforce(runtime: Runtime, folder: Path) -> None:
    """Have the control group of a container that runs as its record says, for a caller that holds its lock."""
    record, current = state.load_record(folder), state.load(folder)
    is_paused = current.status is Status.PAUSED
    if is_paused and not runtime.cgroups.is_frozen(record.cgroup):
        runtime.cgroups.freeze(record.cgroup)
    elif current.status is Status.RUNNING:
        runtime.cgroups.thaw(record.cgroup)


@contextmanager
def standing_still(runtime: Runtime, folder: Path) -> Iterator[None]:
    """Keep a running container from moving for a moment, for a caller that holds its lock.

    Nothing is written down: whoever is killed meanwhile leaves a frozen group, which `repair` thaws, as the record says
    nothing of a pause. Where the host cannot freeze, Unsupported.
    """
    record = state.load_record(folder)
    if state.load(folder).status is not Status.RUNNING:
        yield
        return
    runtime.cgroups.freeze(record.cgroup)
    try:
        yield
    finally:
        runtime.cgroups.thaw(record.cgroup)
