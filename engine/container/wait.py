"""Waits for the end of a run: first for the process, then for its record."""

import os
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.container import runs, state
from engine.errors import Conflict, NotFound
from engine.launcher import records
from engine.spec.container import ContainerState
from engine.sys import process

_RECORD_TIMEOUT_S = 10.0
SUCCESSION_S = 1.0
"""Within this time another shim has taken the place of one that was killed, if there is a launcher."""
_PAUSE_S = 0.0004  # at first; then an eighth of the time that was waited already


def open_process(folder: Path) -> int | None:
    """A pidfd of the container's first process, None when it does not run. The caller closes it."""
    started = runs.read_started(folder)
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
    files = state.read(folder)
    if _lack_record(files):
        await_successors([folder])
        until(lambda: not has_unrecorded_end(folder))
        files = state.read(folder)
    return state.join(folder, files)


def await_shim(folder: Path) -> None:
    """Return when no shim of an earlier run is there any more: its root may be mounted again.

    Raises Conflict when it does not come to its end.
    """
    _await(folder, lambda: not records.has_shim(str(folder)))


@contextmanager
def released(folder: Path) -> Iterator[None]:
    """For the block no shim of an earlier run is at work in the folder, or comes to be: it may be taken away.

    Raises Conflict when one does not come to its end.
    """
    locks: list[int] = []
    with _closing(locks):
        _await(folder, lambda: _is_taken(folder, locks) or not records.needs_folder(str(folder)))
        yield


@contextmanager
def unguarded(folder: Path) -> Iterator[int]:
    """For the block no shim of an earlier run is there, or comes to be: control groups and files may be replaced.

    Yields the lock that says so, which a shim to come may be given. Raises Conflict when one does not come to its end.
    """
    locks: list[int] = []
    with _closing(locks):
        _await(folder, lambda: _is_taken(folder, locks, creates=True))
        yield locks[0]


def _is_taken(folder: Path, locks: list[int], *, creates: bool = False) -> bool:
    """Whether the lock of shims is one of `locks` by now. Without a file for it, as `creates` makes, no shim comes."""
    lock = records.take_shim_lock(str(folder), creates=creates)
    locks.extend([] if lock is None else [lock])
    return lock is not None


@contextmanager
def _closing(descriptors: list[int]) -> Iterator[None]:
    try:
        yield
    finally:
        for fd in descriptors:
            os.close(fd)


def _await(folder: Path, is_over: Callable[[], bool]) -> None:
    if not until(is_over):
        raise Conflict(f"The last run of container {folder.name} is still being wound up.", hint="Try again.")


def has_unrecorded_end(folder: Path) -> bool:
    """Whether the process of the current run is gone and its shim has not yet said how it ended."""
    return lacks_record(folder) and records.has_shim(str(folder))


def lacks_record(folder: Path) -> bool:
    """Whether the process of the current run is gone and nothing says how it ended."""
    return _lack_record(state.read(folder))


def _lack_record(files: state.Files) -> bool:
    record, started, end = files
    if started is None or started.run != state.current_run(record, started, end):
        return False
    if end is not None and end.run == started.run:
        return False
    return not process.is_alive(started.pid, started.ticks, started.boot)


def await_successors(folders: Sequence[Path]) -> None:
    """Give the launcher a moment to put other shims in the place of those that were just killed."""
    deadline = time.monotonic() + SUCCESSION_S
    for folder in folders:
        while _is_deserted(folder) and time.monotonic() < deadline:
            time.sleep(0.02)


def _is_deserted(folder: Path) -> bool:
    """Whether an end of this boot is to be recorded, or followed by another run, and nobody is there who would."""
    try:
        files = state.read(folder)
    except NotFound:
        return False
    started, end = files.started, files.end
    if started is None or started.boot != process.boot_id() or records.has_shim(str(folder)):
        return False
    return _lack_record(files) or (end is not None and end.restart_ms is not None)


def until(holds: Callable[[], bool]) -> bool:
    """Whether `holds` comes true within ten seconds; for what no descriptor tells of."""
    began = time.monotonic()
    while not holds():
        waited_s = time.monotonic() - began
        if waited_s > _RECORD_TIMEOUT_S:
            return False
        time.sleep(min(max(waited_s / 8, _PAUSE_S), 100 * _PAUSE_S))
    return True
