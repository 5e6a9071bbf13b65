"""What a shim leaves on disk of one run: `started.json` and `exit.json` in the container's folder.

The shim is the only writer of both, but for runs that failed before there was a shim. Readers join them with the
engine's own `state.json` by the number of the run (`engine/container/state.py`). What more is known of an end is its
certificate (`certificate.py`).
"""

from __future__ import annotations

import fcntl
import os
import time
from _json import encode_basestring_ascii, make_scanner  # what `json` is made of

from engine.launcher.named import NamedTuple
from engine.sys import disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Started(NamedTuple):
    """The container's first process; `ticks` and `boot` tell it from a later process with the same pid.

    `restarts` counts the runs that the restart policy brought since somebody last asked for a start.
    """

    run: int
    pid: int
    ticks: int
    boot: str
    started_at: str
    restarts: int


class Exit(NamedTuple):
    """How a run ended. `exit_code` is 128+n for a death by signal n; `error` is set when it could not be started.

    `restart_ms` is after how long the next run follows by policy, None when none does.
    """

    run: int
    exit_code: int
    signal: int
    oom_killed: bool
    finished_at: str
    error: str
    restarts: int
    restart_ms: int | None


def write(folder: str, record: Started | Exit) -> str:
    """Put the record in place in one rename; returns its path. It is not yet safe from a power cut: see `sync`."""
    name = "started" if isinstance(record, Started) else "exit"
    return write_json(f"{folder}/{name}.json", record._asdict())


def write_json(path: str, value: dict[str, Any]) -> str:
    """Put an object in place in one rename; returns its path. What a failed write leaves is taken away."""
    fresh = f"{path}.new"
    fd = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _write_all(fd, text(value).encode())
        os.rename(fresh, path)
    except OSError:
        os.unlink(fresh)
        raise
    finally:
        os.close(fd)
    return path


def _write_all(fd: int, data: bytes) -> None:
    """A disk that is nearly full takes a part, and only then refuses the rest."""
    written = 0
    while written < len(data):
        written += os.write(fd, data[written:])


def read_json(path: str) -> dict[str, Any] | None:
    """The object in the file, None when there is no such file; for shims, which do not carry the module `json`."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        data = b"".join(iter(lambda: os.read(fd, 65536), b""))
    finally:
        os.close(fd)
    value: dict[str, Any] = make_scanner(_Scanning)(data.decode(), 0)[0]  # type: ignore[arg-type] # any object will do
    return value


def read_started(folder: str) -> Started | None:
    """The last `started.json`, None when there is none."""
    value = read_json(f"{folder}/started.json")
    return None if value is None else Started(**{"restarts": 0} | value)


def read_exit(folder: str) -> Exit | None:
    """The last `exit.json`, None when there is none. Ends from before there were restart policies say less."""
    value = read_json(f"{folder}/exit.json")
    return None if value is None else Exit(**{"restarts": 0, "restart_ms": None} | value)


class _Scanning:
    """What the scanner asks of its `JSONDecoder`."""

    strict = True
    object_hook = object_pairs_hook = parse_constant = None
    parse_float, parse_int = float, int


def sync(path: str) -> None:
    """Have the file, and its name in the folder, on the disk itself."""
    sync_file(path)
    sync_file(os.path.dirname(path))


def sync_file(path: str) -> None:
    """Have what the file or folder holds on the disk itself."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def lock_shim(folder: str, pid: int) -> int:
    """Say that shim `pid` guards the container of `folder`, for as long as any copy of the returned descriptor is open.

    The end of one that does so already is waited for: there is never more than one. `shim.lock` holds the pid, until
    `release_folder`.
    """
    fd = _open_lock(folder, os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    name_shim(fd, pid)
    return fd


def take_shim_lock(folder: str, *, creates: bool) -> int | None:
    """The lock alone, to be handed on to a shim; None while there is a shim, or where there never was one.

    In the latter case one that `creates` it has it all the same.
    """
    try:
        fd = _open_lock(folder, os.O_CREAT if creates else 0)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def name_shim(lock: int, pid: int) -> None:
    """Have `shim.lock` hold the pid of the shim that has it now. On a full disk it does not: what holds is the lock."""
    try:
        os.pwrite(lock, b"%-10d" % pid, 0)
    except OSError as error:
        if error.errno not in disk.ERRORS:
            raise


def _open_lock(folder: str, flags: int) -> int:
    return os.open(f"{folder}/shim.lock", flags | os.O_RDWR | os.O_CLOEXEC, 0o600)


def release_folder(lock: int) -> None:
    """Say that the shim with this `lock` has written its last into the container's folder, which may now be removed."""
    os.ftruncate(lock, 0)


def has_shim(folder: str) -> bool:
    """Whether a shim guards the container; while it does, the end of a process that is gone is about to be recorded."""
    return _guard(folder) is not None


def needs_folder(folder: str) -> bool:
    """Whether a shim guards the container that has not released its folder yet."""
    return bool(_guard(folder))


def _guard(folder: str) -> bytes | None:
    """What `shim.lock` says; None when nobody holds it."""
    try:
        fd = os.open(f"{folder}/shim.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(fd, 16)
    finally:
        os.close(fd)
    return None


def now() -> str:
    """The time as every record writes it: RFC 3339, UTC, microseconds."""
    ns = time.time_ns()
    whole = time.gmtime(ns // 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', whole)}.{ns // 1000 % 1_000_000:06d}Z"


def text(value: object) -> str:
    """JSON of texts, numbers, truth values, None, and objects and lists of these."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{text(key)}: {text(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(text(item) for item in value)}]"
    return "null" if value is None else str(value).lower()
