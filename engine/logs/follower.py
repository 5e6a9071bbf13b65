"""Follows a log while it is written, woken by inotify and never polling."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from pathlib import Path

from engine.logs.changes import Changes
from engine.logs.format import FLOCK, LOCK_NAME
from engine.logs.lines import LogBatch
from engine.logs.scan import Scan, Selection
from engine.logs.segments import Segments
from engine.sys.inotify import IN_CLOSE_WRITE, IN_CREATE, IN_DELETE_SELF, IN_MODIFY, IN_MOVE_SELF, IN_ONESHOT

QUIET_S = 0.2
GATHER_S = 0.02
SUCCESSION_S = 5.0
_SEGMENT_ENDINGS = (".index", ".log")
_FOLDER_EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF


async def follow(folder: Path, selection: Selection, form: type[Segments]) -> AsyncGenerator[LogBatch, None]:
    """The batches of `LogReader.follow`."""
    scan = await asyncio.to_thread(Scan, folder, selection, form)
    follower = _Follower(folder, scan, selection.until_ns)
    try:
        async with aclosing(follower.batches()) as batches:
            async for batch in batches:
                if batch.lines:
                    yield batch
    finally:
        scan.close()


class _Follower:
    """Reads whatever is there, then sleeps until the kernel tells of a change."""

    def __init__(self, folder: Path, scan: Scan, until_ns: int | None) -> None:
        self._folder = folder
        self._scan = scan
        self._until_ns = until_ns
        self._woken = asyncio.Event()
        self._changes = Changes.of_running_loop()

    async def batches(self) -> AsyncGenerator[LogBatch, None]:
        """Every batch until the writer is gone, or the time has come, and everything was read."""
        with ExitStack() as watches:
            if self._folder.is_dir():
                watches.enter_context(self._changes.watch(str(self._folder), _FOLDER_EVENTS, self._on_folder_change))
            is_quiet = False
            while True:
                # In this order: no change from here on is slept through, and what a run wrote last is still read.
                self._woken.clear()
                is_over = self._left_s() == 0
                is_live = is_being_written(self._folder) and not is_over
                while self._scan.has_news() and (batch := await asyncio.to_thread(self._scan.next_batch)) is not None:
                    is_quiet = False
                    yield batch
                if (is_quiet or not is_live) and (batch := self._scan.flush()) is not None:
                    yield batch
                if is_live:
                    # Lines that come close together are delivered together: to wake for each of a thousand a second
                    # took 28 % of a processor, this takes 2.
                    await asyncio.sleep(GATHER_S)
                    is_quiet = not await self._wait(self._left_s() if is_quiet else QUIET_S)
                elif is_over or self._scan.run_has_ended() or not await self._is_succeeded():
                    return

    def _left_s(self) -> float | None:
        """Seconds until no more is wanted, None for never."""
        return None if self._until_ns is None else max(0.0, (self._until_ns - time.time_ns()) / 1e9)

    async def _is_succeeded(self) -> bool:
        """Whether somebody goes on with a log whose writer was killed: the launcher puts another shim in its place."""
        give_up_at = time.monotonic() + SUCCESSION_S
        while not (is_being_written(self._folder) or self._scan.has_news()):
            if time.monotonic() > give_up_at or not self._folder.is_dir():
                return False
            await asyncio.sleep(QUIET_S)
        return True

    async def _wait(self, timeout_s: float | None) -> bool:
        """Sleep until something changes; False if nothing did for `timeout_s`.

        After every change there is one wait with a time limit. It shows a prompt, and it has a second look at the lock:
        a writer that is killed closes its files, which wakes us, a moment before the kernel drops its lock.
        """
        newest = self._scan.newest_segment()
        with ExitStack() as watches:
            if newest is not None:
                # One event and the watch is gone: a follower that is behind costs the kernel nothing.
                index = f"/proc/self/fd/{newest.index_fd}"
                watches.enter_context(self._changes.watch(index, IN_MODIFY | IN_ONESHOT, lambda _: self._woken.set()))
            if self._scan.has_news():
                return True
            try:
                await asyncio.wait_for(self._woken.wait(), timeout_s)
            except TimeoutError:
                return False
            return True

    def _on_folder_change(self, name: str) -> None:
        """Open a new segment at once, even while the consumer is busy with old ones: rotation may remove it."""
        if name.endswith(_SEGMENT_ENDINGS):
            self._scan.has_news()
        self._woken.set()


def is_being_written(folder: Path) -> bool:
    """Whether a run is being logged, told by the lock its writer holds."""
    try:
        # For reading only: closing a file opened for writing is an event that would wake us, and every other follower.
        lock = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return False
        raise
    try:
        question = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, *_ = FLOCK.unpack(fcntl.fcntl(lock, fcntl.F_OFD_GETLK, question))
        return bool(kind != fcntl.F_UNLCK)
    finally:
        os.close(lock)
