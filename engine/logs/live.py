"""Follows what a container writes as the bytes it wrote, each the moment it was logged: for people at a terminal.

The log is the buffer between the container and however many look on: a slow one keeps segments open, and holds up
nobody.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from engine.logs.changes import Changes
from engine.logs.follower import SUCCESSION_S, is_being_written
from engine.logs.format import END, STDERR, STDOUT, UNKNOWN
from engine.logs.forms import form_of
from engine.logs.lines import StreamName
from engine.logs.segments import Piece, Position
from engine.sys.inotify import IN_CLOSE_WRITE, IN_CREATE, IN_DELETE_SELF, IN_MODIFY, IN_MOVE_SELF, IN_ONESHOT

_NAMES: dict[int, StreamName] = {STDOUT: "stdout", STDERR: "stderr", UNKNOWN: "unknown"}
_RECHECK_S = 1.0
_PIECES_AT_ONCE = 32
_FOLDER_EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF


class Output(NamedTuple):
    """Some bytes of one stream, at most 8 KiB, as they were written."""

    stream: StreamName
    data: bytes


class LiveLog:
    """The log in one folder from a place on: its end as it is now, or its beginning. The folder must be there."""

    def __init__(self, folder: Path, driver: str = "local", *, from_start: bool) -> None:
        self._folder = folder
        self._segments = form_of(driver)(folder)
        oldest = self._segments.at_or_after(1)
        self._at = Position(oldest.number if oldest else 1, 0, 0) if from_start else self._segments.end()
        self._begun = self._segments.end()
        self._segments.drop_before(self._at.segment)

    def close(self) -> None:
        """Give the files back."""
        self._segments.close()

    async def follow(self) -> AsyncGenerator[Output, None]:
        """What comes, until the run that is going on has ended; if none is, until the next one has, or never will.

        Close the generator, then this, when it is left before its end.
        """
        woken, changes, quiet_since = asyncio.Event(), Changes.of_running_loop(), math.inf
        with ExitStack() as watches:
            watches.enter_context(changes.watch(str(self._folder), _FOLDER_EVENTS, lambda _: woken.set()))
            while True:
                woken.clear()
                is_live = is_being_written(self._folder)
                while pieces := await asyncio.to_thread(self._next):
                    for piece in pieces:
                        if piece.kind in _NAMES and piece.data:
                            yield Output(_NAMES[piece.kind], piece.data)
                        elif piece.kind == END and piece.position >= self._begun:
                            return
                if is_live:
                    quiet_since = time.monotonic()
                elif time.monotonic() - quiet_since > SUCCESSION_S or not self._folder.is_dir():
                    return  # its writer was killed, and nobody has gone on with the log; or the container is gone
                await self._wait(changes, woken)

    def _next(self) -> list[Piece]:
        """The next few pieces; none if nothing more is there by now. Segments that are left behind are closed."""
        self._segments.refresh()
        pieces: list[Piece] = []
        while (segment := self._segments.at_or_after(self._at.segment)) is not None and len(pieces) < _PIECES_AT_ONCE:
            if segment.number > self._at.segment:
                self._at = Position(segment.number, 0, 0)
            found = list(islice(segment.pieces(self._at), _PIECES_AT_ONCE - len(pieces)))
            if found:
                pieces += found
                self._at = found[-1].after
            elif segment is self._segments.newest:
                break
            else:
                self._at = Position(segment.number + 1, 0, 0)
        self._segments.drop_before(self._at.segment)
        return pieces

    async def _wait(self, changes: Changes, woken: asyncio.Event) -> None:
        """Sleep until something changes; have a look from time to time, as a writer that is killed makes no event."""
        newest = self._segments.newest
        with ExitStack() as watches:
            if newest is not None:
                index = f"/proc/self/fd/{newest.index_fd}"
                watches.enter_context(changes.watch(index, IN_MODIFY | IN_ONESHOT, lambda _: woken.set()))
                if newest.end() > self._at:
                    return
            try:
                await asyncio.wait_for(woken.wait(), _RECHECK_S)
            except TimeoutError:
                return
