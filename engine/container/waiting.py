"""wait: sleep until a container has come to an end, told by the kernel and not by asking again and again.

Whoever waits holds the container's folder open, under a shared lock that a removal respects for a moment: a container
that is removed right after its end has still told how it ended.
"""

import asyncio
import fcntl
import os
import select
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.container import runs, state
from engine.container import wait as ends
from engine.container.runtime import Runtime
from engine.errors import NotFound
from engine.logs.changes import Changes
from engine.spec.container import ContainerState, Status
from engine.spec.life import Condition
from engine.sys.inotify import IN_DELETE_SELF, IN_MOVE_SELF, IN_MOVED_TO, read_events
from engine.sys.watching import Watching

_EVENTS = IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF
_RECHECK_S = 0.5  # once the process is gone: a shim that is killed before it has recorded the end makes no event
_LIVES = (Status.RUNNING, Status.PAUSED)
_RUNS = (*_LIVES, Status.RESTARTING)


def wait(
    runtime: Runtime, container_id: str, condition: Condition, *, timeout_s: float | None = None
) -> ContainerState | None:
    """Block until `condition` holds; the state then, or None when `timeout_s` is over. Raises NotFound.

    A container that is removed meanwhile ends every wait, with its last state as `removing`.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    with _Vigil(runtime.folder(container_id), condition) as vigil, Watching(str(vigil.held), _EVENTS) as watch:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        watched = -1
        while (found := vigil.outcome()) is None:
            if vigil.pidfd not in (watched, -1):
                poll.register(watched := vigil.pidfd, select.POLLIN)
            left_s = _least(None if deadline is None else deadline - time.monotonic(), vigil.recheck_s)
            if deadline is not None and time.monotonic() >= deadline:
                return None
            for fd, _ in poll.poll(None if left_s is None else max(0, left_s * 1000)):
                if fd == watched:
                    poll.unregister(fd)
                    watched = -1
                    vigil.process_is_gone()
                else:
                    list(read_events(fd))
        return found


async def wait_async(runtime: Runtime, container_id: str, condition: Condition) -> ContainerState:
    """`wait` on the running event loop, for as long as it takes: `asyncio.timeout` ends it sooner."""
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    with _Vigil(runtime.folder(container_id), condition) as vigil:
        with Changes.of_running_loop().watch(str(vigil.held), _EVENTS, lambda _: woken.set()):
            watched = -1
            try:
                while (found := vigil.outcome()) is None:
                    if vigil.pidfd not in (watched, -1):
                        loop.add_reader(watched := vigil.pidfd, woken.set)
                    await _until(woken, vigil.recheck_s)
                    if watched != -1 and ends.has_ended(watched, 0):
                        loop.remove_reader(watched)
                        watched = -1
                        vigil.process_is_gone()
            finally:
                if watched != -1:
                    loop.remove_reader(watched)
        return found


async def _until(woken: asyncio.Event, timeout_s: float | None) -> None:
    try:
        await asyncio.wait_for(woken.wait(), timeout_s)
    except TimeoutError:
        return
    woken.clear()


class _Vigil:
    """One wait: what it waits for, and what it has to watch for it.

    `held` leads to the container's folder also after a removal has moved it away.
    """

    def __init__(self, folder: Path, condition: Condition) -> None:
        self.pidfd = -1
        self.recheck_s: float | None = None
        self._folder = folder
        self._condition = condition
        self.held = folder
        self._seen_run = self._ended_run()  # before the state: an end in between is one that was waited for
        self._doubted_at: float | None = None
        self._last = self._without_doubt(state.load(folder))
        try:
            self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"There is no container {folder.name} on this host.") from None
        fcntl.flock(self._fd, fcntl.LOCK_SH)
        self.held = Path(f"/proc/self/fd/{self._fd}")
        self._waits = condition is not Condition.NOT_RUNNING or self._last.status in _RUNS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process_is_gone()
        os.close(self._fd)

    def outcome(self) -> ContainerState | None:
        """The state if the wait is over. Otherwise `pidfd` is that of the process that runs, if any."""
        if self._is_gone():
            return replace(self._last, status=Status.REMOVING)
        ended_run = self._ended_run()  # before the state: that may then be newer, never older
        self._last = self._load()
        if not self._waits:
            return self._last
        if self._condition is Condition.REMOVED:
            return None
        # The second is an end that nobody saw.
        if ended_run > self._seen_run or (self._last.status is Status.EXITED and self._last.run > self._seen_run):
            return self._last
        if self._last.status in _LIVES and self.pidfd == -1 and self.recheck_s is None:
            self._open_process()
        return None

    def process_is_gone(self) -> None:
        """Let go of the process: what is waited for now is the record of its end."""
        if self.pidfd != -1:
            os.close(self.pidfd)
            self.pidfd, self.recheck_s = -1, _RECHECK_S

    def _open_process(self) -> None:
        pidfd = ends.open_process(self.held)
        if pidfd is None:
            self.recheck_s = _RECHECK_S
        else:
            self.pidfd, self.recheck_s = pidfd, None

    def _load(self) -> ContainerState:
        try:
            return self._without_doubt(state.load(self.held))
        except NotFound:  # it is being removed, and the files went before this process looked
            return self._last

    def _without_doubt(self, found: ContainerState) -> ContainerState:
        """The state, but an end that seems to be seen by nobody is none for a moment: another shim may record it."""
        if found.error != state.UNSEEN_END or self._ended_run() >= found.run:
            self._doubted_at = None
            return found
        now = time.monotonic()
        self._doubted_at = self._doubted_at or now
        return found if now - self._doubted_at >= ends.SUCCESSION_S else replace(found, status=Status.RUNNING)

    def _ended_run(self) -> int:
        end = runs.read_exit(self.held)
        return end.run if end else 0

    def _is_gone(self) -> bool:
        try:
            there = os.stat(self._folder)
        except FileNotFoundError:
            self._last = self._load()
            return True
        return not os.path.samestat(there, os.fstat(self._fd))


def _least(*times: float | None) -> float | None:
    return min((time_s for time_s in times if time_s is not None), default=None)
