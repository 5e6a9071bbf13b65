"""top: the processes of a container, read from the kernel; no program runs for it, inside or outside."""

import time

from engine.container import process_files, ps, state
from engine.container.runtime import Runtime
from engine.errors import Conflict
from engine.spec.container import Status
from engine.spec.processes import ProcessTable


def top(runtime: Runtime, container_id: str, *, ps_args: str) -> ProcessTable:
    """What ps(1) would show of it with these options, oldest first.

    Raises InvalidSpec for an option or column that is not known, Conflict when the container does not run.
    """
    shown = ps.columns(ps_args)
    folder = runtime.folder(container_id)
    current = state.load(folder)
    if current.status not in (Status.RUNNING, Status.PAUSED):
        raise Conflict(f"Container {current.name} is {current.status} and has no processes.", hint="Start it first.")
    users = process_files.uid_map(current.pid)
    pids = sorted(runtime.cgroups.processes(state.load_record(folder).cgroup))
    uptime_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    found = [process_files.read(pid, users, uptime_s=uptime_s) for pid in pids]
    processes = sorted((item for item in found if item is not None), key=lambda item: (-item.age_s, item.container_pid))
    rows = (tuple(column.text(process) for column in shown) for process in processes)
    return ProcessTable(tuple(column.title for column in shown), tuple(rows), tuple(processes))
