"""kill: a signal for a container; pause and resume: let it stand still and go on."""

import os
import signal as signals

from engine.errors import Conflict, KernelError
from engine.runtime.store import Status, Store
from engine.spec import checks
from engine.sys import process


def kill(store: Store, container_id: str, signal: str, *, is_for_all: bool) -> None:
    """Signal the first process, or every process of the container. Signal 0 only asks whether it is there (kill(2)).

    Raises NotFound, InvalidSpec for what is no signal, Conflict when the container does not run.
    """
    number = 0 if signal == "0" else checks.signal_number("signal", signal)
    container = store.get(container_id)
    if is_for_all:
        for pid in store.cgroups.processes(container.cgroup):
            _send(pid, number)
        return
    if store.status(container) not in (Status.CREATED, Status.RUNNING, Status.PAUSED):
        raise Conflict("container not running")
    pidfd = process.pidfd_open(container.pid)
    try:
        if container.is_alive:  # looked at with the descriptor in hand, which means one process only
            signals.pidfd_send_signal(pidfd, number)
    finally:
        os.close(pidfd)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except OSError as error:
        raise KernelError("kill", error.errno or 0, str(pid)) from None


def pause(store: Store, container_id: str) -> None:
    """Freeze the container. Raises NotFound, Conflict unless it was created or runs."""
    container = store.get(container_id)
    status = store.status(container)
    if status not in (Status.CREATED, Status.RUNNING):
        raise Conflict(f"container not running or created: {status}")
    store.cgroups.freeze(container.cgroup)


def resume(store: Store, container_id: str) -> None:
    """Let it go on. Raises NotFound, Conflict unless it is paused."""
    container = store.get(container_id)
    if not store.cgroups.is_frozen(container.cgroup):
        raise Conflict("container not paused")
    store.cgroups.thaw(container.cgroup)
