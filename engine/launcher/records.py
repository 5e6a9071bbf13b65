"""What a shim leaves on disk of one run: `started.json` and `exit.json` in the container's folder.

The shim is the only writer of both, but for runs that failed before there was a shim. Readers join them with the
engine's own `state.json` by the number of the run (`engine/container/state.py`).
"""

from __future__ import annotations

import fcntl
import os
import time
from _json import encode_basestring_ascii

from engine.launcher.named import NamedTuple


class Started(NamedTuple):
    """The container's first process; `ticks` and `boot` tell it from a later process with the same pid."""

    run: int
    pid: int
    ticks: int
    boot: str
    started_at: str


class Exit(NamedTuple):
    """How a run ended. `exit_code` is 128+n for a death by signal n; `error` is set when it could not be started."""

    run: int
    exit_code: int
    signal: int
    oom_killed: bool
    finished_at: str
    error: str


def write(folder: str, record: Started | Exit) -> str:
    """Put the record in place in one rename; returns its path. It is not yet safe from a power cut: see `sync`."""
    path = f"{folder}/{'started' if isinstance(record, Started) else 'exit'}.json"
    fd = os.open(path + ".new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, _text(record).encode())
    finally:
        os.close(fd)
    os.rename(path + ".new", path)
    return path


def sync(path: str) -> None:
    """Have the file, and its name in the folder, on the disk itself."""
    for name in (path, os.path.dirname(path)):
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def lock_shim(folder: str, pid: int) -> int:
    """Say that shim `pid` guards the container of `folder`, for as long as any copy of the returned descriptor is open.

    `shim.lock` holds the pid, for people. Waits for the predecessor's end: there is never more than one.
    """
    fd = os.open(f"{folder}/shim.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.pwrite(fd, b"%-10d" % pid, 0)
    return fd


def has_shim(folder: str) -> bool:
    """Whether a shim guards the container; while it does, the end of a process that is gone is about to be recorded."""
    try:
        fd = os.open(f"{folder}/shim.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def now() -> str:
    """The time as every record writes it: RFC 3339, UTC, microseconds."""
    ns = time.time_ns()
    whole = time.gmtime(ns // 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', whole)}.{ns // 1000 % 1_000_000:06d}Z"


def _text(record: Started | Exit) -> str:
    fields = ", ".join(f'"{name}": {_value(value)}' for name, value in record._asdict().items())
    return f"{{{fields}}}"


def _value(value: object) -> str:
    """JSON of a text, a whole number or a truth value; the module `json` is not for a shim to carry."""
    return encode_basestring_ascii(value) if isinstance(value, str) else str(value).lower()
