"""stop and kill: ask a container's first process to end, or make it."""

import json
import os
import signal as signals
from pathlib import Path

from engine.container import asked, pause, restarting, state, volumes, wait
from engine.container.asked import Asker
from engine.container.runtime import Runtime
from engine.errors import Conflict, KernelError
from engine.spec import checks
from engine.spec.container import ContainerSpec, ContainerState, Status
from engine.sys import names

_KILL_TIMEOUT_S = 10.0
_TRIES = 3  # each waits for the record of an end as long as that may reasonably take


def stop(
    runtime: Runtime, container_id: str, *, signal: str | None, timeout_s: float | None, asker: Asker
) -> ContainerState:
    """Send the stop signal, give the container `timeout_s` to end, then kill it; nothing happens when it does not run.

    A paused one runs on as soon as the signal is on its way.

    What is `None` comes from the container's specification, then from its image, then is SIGTERM.
    """
    with runtime.locked(container_id) as folder:
        stopped = stop_locked(runtime, folder, signal=signal, timeout_s=timeout_s, asker=asker)
        volumes.release(runtime, state.load_record(folder))
        return stopped


def stop_locked(
    runtime: Runtime, folder: Path, *, signal: str | None, timeout_s: float | None, asker: Asker
) -> ContainerState:
    """`stop` for a caller that holds the container's lock."""
    spec = _spec(folder)
    number = checks.signal_number("signal", signal) if signal else _stop_signal(runtime, folder, spec)
    timeout_s = spec.stop_timeout_s if timeout_s is None else timeout_s
    checks.grace("timeout_s", timeout_s)
    for _ in range(_TRIES):
        current = wait.await_record(folder)
        if current.status is Status.RESTARTING:
            current = restarting.give_up(runtime, folder, asker)
        if current.status not in (Status.RUNNING, Status.PAUSED):
            return current
        _end_process(runtime, folder, asker, number, timeout_s)
    raise Conflict(
        f"Container {current.name} has ended, but its end is not recorded.", hint="See that the disk has room."
    )


def _end_process(runtime: Runtime, folder: Path, asker: Asker, number: int, timeout_s: float) -> None:
    """End the first process. If it went before it was asked to, it may be about to be started again."""
    pidfd = wait.open_process(folder)
    if pidfd is None:
        return
    try:
        _ask(folder, asker, number, ends=True)
        _send(pidfd, number)
        pause.lift(runtime, folder)
        if not wait.has_ended(pidfd, timeout_s):
            _send(pidfd, signals.SIGKILL)
            _await_death(pidfd, folder)
    finally:
        os.close(pidfd)


def kill(runtime: Runtime, container_id: str, *, signal: str, asker: Asker) -> ContainerState:
    """Signal the first process; after SIGKILL wait until its end is recorded. Raises Conflict when it does not run.

    SIGKILL and the container's own stop signal ask for its end; after any other the restart policy stays in force.
    SIGKILL ends a paused container too; any other signal reaches it when it is unpaused.
    Takes no lock: it is for the very moment in which a stop holds it and waits in vain, and a pidfd means one process.
    """
    number = checks.signal_number("signal", signal)
    folder = runtime.folder(container_id)
    current = state.load(folder)
    ends = number in (signals.SIGKILL, _stop_signal(runtime, folder, _spec(folder)))
    pidfd = wait.open_process(folder)
    if pidfd is None and current.status is Status.RESTARTING and ends:
        return stop(runtime, container_id, signal=signal, timeout_s=0, asker=asker)
    if pidfd is None:
        raise Conflict(f"Container {current.name} is not running.", hint="Start it first.")
    try:
        _ask(folder, asker, number, ends=ends)
        _send(pidfd, number)
        if number != signals.SIGKILL:
            return state.load(folder)
        runtime.cgroups.thaw(state.load_record(folder).cgroup)  # v1 keeps even this signal from the frozen
        _await_death(pidfd, folder)
    finally:
        os.close(pidfd)
    return wait.await_record(folder)


def _ask(folder: Path, asker: Asker, number: int, *, ends: bool) -> None:
    asked.write(folder, asker, run=state.load(folder).run, signal=number, ends=ends)


def _spec(folder: Path) -> ContainerSpec:
    return ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))


def _stop_signal(runtime: Runtime, folder: Path, spec: ContainerSpec) -> int:
    chosen = spec.stop_signal or runtime.images.get(state.load_record(folder).image).stop_signal
    return names.signal(chosen or "TERM") or signals.SIGTERM


def _await_death(pidfd: int, folder: Path) -> None:
    if not wait.has_ended(pidfd, _KILL_TIMEOUT_S):
        raise Conflict(
            f"Container {folder.name} did not end within {_KILL_TIMEOUT_S:.0f} s of SIGKILL.",
            hint="A process of it hangs in the kernel, most often on a disk that does not answer.",
        )


def _send(pidfd: int, number: int) -> None:
    try:
        signals.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return  # it ended by itself just now, which is what was wanted
    except OSError as error:
        raise KernelError("pidfd_send_signal", error.errno or 0, str(number)) from error
