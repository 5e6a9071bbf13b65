"""Runs a program in a container to its end and keeps the beginning of what it writes. Imports no Django."""

import os
import select
import time
from collections.abc import Callable
from typing import Any

from engine import Cancelled, Conflict, Exec

MOST_BYTES = 64 << 10
"""Kept of each stream: the result travels over the broker and stays with the operation."""
_LOOK_S = 0.5
_READ_BYTES = 64 << 10
_AFTER_KILL_S = 10.0


def gather(
    running: Exec, kill: Callable[[], None], *, timeout_s: float, is_cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """Its exit code and output: `{"exit_code", "error", "stdout", "stderr", "truncated", "timed_out"}`.

    After `timeout_s` it is killed. What it leaves in the background is not waited for. Raises Cancelled once it is
    killed because somebody asked for that.
    """
    streams = {fd: _Stream() for fd in (running.stdout, running.stderr) if fd is not None}
    deadline = time.monotonic() + timeout_s
    is_cut = has_ended = False
    while not has_ended and not is_cut:
        has_ended = _take(streams, running, min(_LOOK_S, max(0.0, deadline - time.monotonic())))
        if is_cancelled():
            _end(running, kill)
            raise Cancelled("it was taken back while its program ran, which was killed")
        is_cut = not has_ended and time.monotonic() >= deadline
    if is_cut:
        _end(running, kill)
    state = running.wait()
    _drain(streams)
    out, err = (streams[fd] if fd is not None else _Stream() for fd in (running.stdout, running.stderr))
    return {
        "exit_code": state.exit_code,
        "error": state.error,
        "stdout": out.text(),
        "stderr": err.text(),
        "truncated": out.is_truncated or err.is_truncated,
        "timed_out": is_cut,
    }


class _Stream:
    """One stream's beginning; what comes after it is read, so that the program goes on, and dropped."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.is_truncated = False
        self.is_open = True

    def add(self, data: bytes) -> None:
        room = MOST_BYTES - len(self._kept)
        self._kept += data[:room]
        self.is_truncated |= len(data) > room
        self.is_open = bool(data)

    def text(self) -> str:
        return self._kept.decode(errors="replace")


def _take(streams: dict[int, _Stream], running: Exec, wait_s: float) -> bool:
    """Read what comes within `wait_s`; whether the program has ended."""
    poll = select.poll()
    poll.register(running, select.POLLIN)
    for fd, stream in streams.items():
        if stream.is_open:
            poll.register(fd, select.POLLIN)
    ready = {fd for fd, _ in poll.poll(wait_s * 1000)}
    for fd in ready & streams.keys():
        _read(fd, streams[fd])
    return running.fileno() in ready and running.wait(0).exit_code is not None


def _read(fd: int, stream: _Stream) -> bool:
    try:
        stream.add(os.read(fd, _READ_BYTES))
    except BlockingIOError:
        return False
    return stream.is_open


def _drain(streams: dict[int, _Stream]) -> None:
    """What is in the pipes at the end; not what a process in the background may still write, without end."""
    for fd, stream in streams.items():
        while stream.is_open and not stream.is_truncated and _read(fd, stream):
            pass


def _end(running: Exec, kill: Callable[[], None]) -> None:
    try:
        kill()
    except Conflict:
        return  # it has ended by itself
    running.wait(_AFTER_KILL_S)
