"""The pipes between a program and its shim."""

from __future__ import annotations

import fcntl
import os

from engine.launcher import messages
from engine.launcher.messages import Plan
from engine.launcher.named import NamedTuple

_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031


class Streams(NamedTuple):
    """`ends` are the program's: output, error and, where it can be written to, input. `ours` are the shim's by kind."""

    ends: list[int]
    ours: dict[str, int]


def make(plan: Plan, uid: int, gid: int) -> Streams:
    """Pipes that a program with these ids of the host may open again by /dev/stdout; a terminal takes their place."""
    if plan.is_terminal:
        return Streams([], {})
    ends, ours = [], {}
    for kind in (messages.STDOUT, messages.STDERR):
        ours[kind], end = _pipe(uid, gid)
        ends.append(end)
    if plan.opens_stdin:
        end, ours[messages.STDIN] = _pipe(uid, gid)
        ends.append(end)
    return Streams(ends, ours)


def _pipe(uid: int, gid: int) -> tuple[int, int]:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.fchown(writer, uid, gid)
    try:
        fcntl.fcntl(reader, _F_SETPIPE_SZ, _PIPE_BYTES)
    except PermissionError:
        return reader, writer  # the user's pipe quota is used up; the usual 64 KiB work too
    return reader, writer
