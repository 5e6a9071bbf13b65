"""What verbs do about a container between two runs: its shim is about to start it again by itself."""

from pathlib import Path

from engine.container import asked, runs, state, wait
from engine.container.asked import Asker
from engine.container.runtime import Runtime
from engine.errors import Conflict
from engine.launcher import records
from engine.spec.container import ContainerState, Status


def give_up(runtime: Runtime, folder: Path, asker: Asker) -> ContainerState:
    """Have the next run not come, or find that it has begun; the caller holds the container's lock.

    The shim sees the request; where none is left this process does what it would have done. Raises Conflict when the
    shim does not come to its end.
    """
    run = state.load(folder).run
    asked.write(folder, asker, run=run, signal=None, ends=True)
    if not wait.until(lambda: not records.has_shim(str(folder)) or state.load(folder).status is not Status.RESTARTING):
        raise Conflict(f"Container {folder.name} is being started again just now.", hint="Try again.")
    current = state.load(folder)
    if current.status in (Status.RUNNING, Status.PAUSED):
        return current
    with wait.unguarded(folder):
        end = runs.read_exit(folder)
        if end is not None and end.restart_ms is not None:
            records.write(str(folder), end._replace(restart_ms=None))
            runtime.cgroups.remove(state.load_record(folder).cgroup)
    state.save(folder, state.load_record(folder))  # one more change, which no run's number tells of
    return state.load(folder)
