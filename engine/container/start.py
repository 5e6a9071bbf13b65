"""start: from a folder on disk to a running program."""

from contextlib import nullcontext
from pathlib import Path

from engine.container import (
    cdi,
    compiled,
    exec_records,
    full_disk,
    hooks,
    name_files,
    networks,
    partners,
    restarting,
    runs,
    state,
    volumes,
    wait,
)
from engine.container.asked import Asker
from engine.container.runtime import Runtime
from engine.container.state import Intent
from engine.errors import Conflict, EngineError, LauncherUnavailable
from engine.launcher import client, ending, failure, records
from engine.spec.container import ContainerState, Status
from engine.sys import disk


def start(runtime: Runtime, container_id: str) -> ContainerState:
    """Run the container's program; nothing happens when it runs already.

    Raises CommandNotFound (127), CommandNotExecutable (126) or the KernelError of the step that failed; the failed run
    is recorded with that exit code. LauncherUnavailable before anything was begun leaves the container as it was.
    """
    with runtime.locked(container_id) as folder:
        current = wait.await_record(folder)
        if current.status is Status.RESTARTING:
            current = restarting.give_up(runtime, folder, Asker("start"))
        if current.status is Status.RUNNING:
            return current
        if current.status is Status.PAUSED:
            raise Conflict(f"Container {current.name} is paused and cannot be started.", hint="Unpause it.")
        return start_locked(runtime, folder, current)


def start_locked(runtime: Runtime, folder: Path, current: ContainerState, *, restarts: int = 0) -> ContainerState:
    """`start` for a caller that holds the lock of a container that does not run.

    It is restart number `restarts` by policy, 0 if somebody asked for it.
    """
    state.check_step(current, Status.RUNNING)
    record = state.load_record(folder)
    with (
        full_disk.told("the start of a container"),
        volumes.mounted(runtime, record.mounted_volumes) if record.mounted_volumes else nullcontext(),
        client.connect(str(runtime.launcher)) as launcher,
    ):
        name_files.refresh(folder)
        if record.uses_cdi:
            cdi.refresh(folder)
        made, resources = compiled.load(runtime, folder, record, run=current.run + 1, restarts=restarts)
        partners.check_running(runtime, made.joins)
        made = made._replace(unpublish=networks.publish(runtime, record))
        with wait.unguarded(folder) as shim_lock:
            launcher.prepare(made, shim_lock)
        record = state.advance(folder, record, intent=Intent.START, run=made.run)
        exec_records.forget_all(folder)
        try:
            runtime.cgroups.create(record.cgroup, resources)
            launcher.start(made)
        except EngineError as error:
            _record_failure(runtime, folder, record, error)
            raise
    return state.load(folder)


def _record_failure(runtime: Runtime, folder: Path, record: state.Record, error: EngineError) -> None:
    """The shim records its own failures; what failed before there was one is recorded here.

    A program that runs although nobody answered is left alone: its own records tell of it.
    """
    started, end = runs.read_started(folder), runs.read_exit(folder)
    if started is not None and started.run == record.run:
        return
    networks.withdraw(runtime, record)
    if end is None or end.run != record.run:
        why = error.message
        if isinstance(error, LauncherUnavailable):  # whoever was at it was killed, at whatever step
            runtime.cgroups.kill(record.cgroup)
            why = " ".join([why, *hooks.run_poststop(folder, record)])
        _note(folder, records.Exit(record.run, failure.exit_code_of(error), 0, False, records.now(), why, 0, None))
    runtime.cgroups.remove(record.cgroup)


def _note(folder: Path, end: records.Exit) -> None:
    """Record the end. A full disk must not hide why the start failed; `repair` records it when there is room."""
    try:
        ending.note(str(folder), end)
    except OSError as error:
        if error.errno not in disk.ERRORS:
            raise
