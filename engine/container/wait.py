"""Waits for the end of a run: first for the process, then for its record."""

import os
import select
import time
from pathlib import Path

from engine.container import state
from engine.launcher import records
from engine.spec.container import ContainerState
from engine.sys import process

_RECORD_TIMEOUT_S = 10.0


def open_process(folder: Path) -> int | None:
    """A pidfd of the container's first process, None when it does not run. The caller closes it."""
    started = records.read_started(str(folder))
    if started is None:
        return None
    try:
        pidfd = os.pidfd_open(started.pid)
    except ProcessLookupError:
        return None
    # Looked at again with the descriptor in hand: the pid may have become another process in between.
    if process.is_alive(started.pid, started.ticks, started.boot):
        return pidfd
    os.close(pidfd)
    return None


def has_ended(pidfd: int, timeout_s: float) -> bool:
    """Whether the process ends within the time."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(int(timeout_s * 1000)))


def await_record(folder: Path) -> ContainerState:
    """The state once the shim has written down the end of a process that is gone; without a shim, what is known."""
    deadline, pause_s = time.monotonic() + _RECORD_TIMEOUT_S, 0.0005
    while time.monotonic() < deadline:
        run = state.load_record(folder).run
        end = records.read_exit(str(folder))
        if end is not None and end.run == run:
            break
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.05)
    return state.load(folder)
