"""repair: after anything was killed at any moment, finish or undo what was half done."""

import os
import time
from contextlib import closing, suppress
from pathlib import Path

from engine.cgroups import evidence
from engine.container import (
    apparmor,
    asked,
    compiled,
    hooks,
    log_plan,
    pause,
    reap,
    remove,
    rename,
    resume,
    runs,
    state,
    update,
    wait,
)
from engine.container.runtime import Runtime
from engine.container.state import Intent
from engine.errors import EngineError, InvalidSpec, NotFound
from engine.launcher import certificate, ending, policy, records
from engine.logs.opening import open_log
from engine.rootfs import Snapshot
from engine.spec.container import ContainerState, Status
from engine.sys import process
from engine.sys.remove_tree import remove_tree

_START_GRACE_S = 2.0
_FAILED = 128
_UNKNOWN = 255


def repair(runtime: Runtime) -> list[ContainerState]:
    """Bring every container to a state that is true and whole, and start what should run; returns them all."""
    if apparmor.is_enabled():
        apparmor.load_default()  # what was there went with the last boot; creations tell why it cannot be
    _remove_leftovers(runtime)
    _renew_plans(runtime)
    wait.await_successors([runtime.folder(container_id) for container_id in runtime.ids()])
    for container_id in runtime.ids():
        try:
            with runtime.locked(container_id) as folder:
                _repair_one(runtime, folder)
        except NotFound:
            continue  # removed by somebody else meanwhile
    _remove_stray_groups(runtime)
    reap.reap(runtime)
    resume.resume(runtime)
    return _states(runtime)


def _states(runtime: Runtime) -> list[ContainerState]:
    found = []
    for container_id in runtime.ids():
        try:
            found.append(state.load(runtime.folder(container_id)))
        except NotFound:
            continue  # removed by somebody else meanwhile
    return found


def _remove_leftovers(runtime: Runtime) -> None:
    """Folders of creations and removals that were cut short, and what was written into one that had gone."""
    if not runtime.containers.is_dir():
        return
    with os.scandir(runtime.containers) as found:
        entries = list(found)
    for entry in entries:
        if entry.name.endswith((".new", ".removed")) or not os.path.exists(f"{entry.path}/state.json"):
            Snapshot(Path(entry.path)).release()
            remove_tree(Path(entry.path))


def _renew_plans(runtime: Runtime) -> None:
    """Before anything else, since a shim that takes over from one of another version can do nothing without."""
    for container_id in runtime.ids():
        # What is gone by now, or what this host cannot run any more, which is told at the next start.
        with suppress(EngineError), runtime.locked(container_id) as folder:
            record, started, end = state.read(folder)
            run = state.current_run(record, started, end)
            if run and (end is None or end.run < run or end.restart_ms is not None):
                compiled.renew(runtime, folder, record)


def _repair_one(runtime: Runtime, folder: Path) -> None:
    record = state.load_record(folder)
    if record.intent is Intent.REMOVE:
        remove.finish(runtime, folder)
        return
    update.settle(runtime, folder)
    rename.repeat_in_spec(folder, record.name)
    asked.forget_unfinished(folder)
    wait.until(lambda: not wait.has_unrecorded_end(folder))  # a shim that is about to tell of an end may do so
    started, end = runs.read_started(folder), runs.read_exit(folder)
    run = state.current_run(record, started, end)
    if run == 0 or (end is not None and end.run == run):
        return
    if started is None or started.run != run:
        _undo_start(runtime, folder, run)
    elif process.is_alive(started.pid, started.ticks, started.boot):
        pause.enforce(runtime, folder)
        asked.withdraw(folder)  # this lock is ours: whoever wanted an end was killed before it came
    elif not records.has_shim(str(folder)) and runs.read_exit(folder) == end:  # nor was there one until just now
        _record(runtime, folder, run, _UNKNOWN, state.UNSEEN_END)


def _undo_start(runtime: Runtime, folder: Path, run: int) -> None:
    """Whoever started it was killed before it ran; a shim that is at it gets time to say so, as do its hooks."""
    soon = time.monotonic() + _START_GRACE_S
    late = soon + hooks.longest_s(folder, state.load_record(folder))
    while not _has_spoken(folder, run) and time.monotonic() < (late if records.has_shim(str(folder)) else soon):
        time.sleep(0.05)
    if not _has_spoken(folder, run):
        _record(runtime, folder, run, _FAILED, "The start was interrupted before the program ran.")


def _has_spoken(folder: Path, run: int) -> bool:
    """Whether the shim of this run has told of its start or its end."""
    told = (runs.read_started(folder), runs.read_exit(folder))
    return any(record is not None and record.run == run for record in told)


def _record(runtime: Runtime, folder: Path, run: int, code: int, why: str) -> None:
    """Record an end that no shim did. What the restart policy makes of it is done when everything is repaired.

    The end is marked in the log too, so that whoever follows that is not kept waiting for one.
    """
    record = state.load_record(folder)
    started = runs.read_started(folder)
    why = " ".join([why, *hooks.run_poststop(folder, record)])
    restarts = started.restarts if started is not None and started.run == run else 0
    is_wanted = policy.wants_another(str(folder), run=run, exit_code=code, restarts=restarts)
    end = records.Exit(run, code, 0, False, records.now(), why, restarts, 0 if is_wanted else None)
    places = evidence.places(runtime.cgroups.find(record.cgroup), runtime.cgroups.hierarchies)
    with closing(open_log(log_plan.kept(folder, record), str(folder / "log"))) as log:
        log.mark_end(run)
        records.sync(ending.note(str(folder), end, evidence=certificate.gather(places)))
        log.settle()
    _empty_group(runtime, record.cgroup)


def _remove_stray_groups(runtime: Runtime) -> None:
    """Control groups, and what still runs in them, that belong to no running container."""
    for name in runtime.cgroups.names():
        try:
            with runtime.locked(name) as folder:  # a start on its way has its group, but does not run yet
                if state.load(folder).status not in (Status.RUNNING, Status.PAUSED, Status.RESTARTING):
                    _empty_group(runtime, name)
        except (NotFound, InvalidSpec):
            _empty_group(runtime, name)


def _empty_group(runtime: Runtime, group: str) -> None:
    runtime.cgroups.kill(group)
    runtime.cgroups.remove(group)
