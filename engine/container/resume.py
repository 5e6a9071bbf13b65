"""resume: start again what should run, when a host comes up or after all that guarded a container was killed.

While its shim lives it sees to that itself. What somebody stopped stays stopped for as long as the host is up; after a
reboot the policy `always` starts it again.
"""

from pathlib import Path

from engine.container import runs, state, wait
from engine.container.runtime import Runtime
from engine.container.start import start_locked
from engine.errors import Conflict, EngineError, LauncherUnavailable, NotFound
from engine.launcher import client, policy, records
from engine.spec.container import ContainerState, Status
from engine.sys import process


def resume(runtime: Runtime) -> None:
    """Start what is due. A start that fails is recorded with the container; without a launcher nothing is changed.

    One that shares namespaces with another that does not run yet is tried again after the others.
    """
    due = [container_id for container_id in runtime.ids() if _is_due(runtime.folder(container_id)) is not None]
    if not due or not wait.until(lambda: _answers(runtime)):
        return
    wait.await_successors([runtime.folder(container_id) for container_id in due])
    while due:
        waiting = [container_id for container_id in due if not _start(runtime, container_id)]
        due = waiting if len(waiting) < len(due) else []


def _start(runtime: Runtime, container_id: str) -> bool:
    """False if it may be started when others have been."""
    try:
        with runtime.locked(container_id) as folder:
            current = _is_due(folder)
            if current is not None:
                start_locked(runtime, folder, current, restarts=current.restart_count + 1)
    except Conflict:
        return False
    except EngineError:
        return True  # it was removed meanwhile, or its state says why it could not be started
    return True


def _answers(runtime: Runtime) -> bool:
    try:
        with client.connect(str(runtime.launcher)) as launcher:
            launcher.ping()
    except LauncherUnavailable:
        return False
    return True


def _is_due(folder: Path) -> ContainerState | None:
    """The container's state if it is to be started."""
    try:
        current = state.load(folder)
    except NotFound:
        return None
    if current.status is Status.RESTARTING:
        return None if records.has_shim(str(folder)) else current
    return current if current.status is Status.EXITED and _is_due_after_boot(folder, current) else None


def _is_due_after_boot(folder: Path, current: ContainerState) -> bool:
    started = runs.read_started(folder)
    if started is None or started.boot == process.boot_id() or current.exit_code is None:
        return False
    name, _ = policy.read(str(folder))
    end = {"exit_code": current.exit_code, "restarts": current.restart_count}
    return name == "always" or policy.wants_another(str(folder), run=current.run, **end)
