"""What a shim has to do with its container's control groups: count, empty and remove them."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import os
import time

_TRIES = 50
_PAUSE_S = 0.01


def oom_kills(counter: str) -> int:
    """How many processes of the group were killed for want of memory since it was made."""
    try:
        with open(counter) as file:
            fields = dict(line.split() for line in file)
    except FileNotFoundError:
        return 0
    return int(fields.get("oom_kill", 0))


def empty(folders: list[str]) -> None:
    """Let the groups move if they were paused, and kill whatever outlived the first process in them.

    That is possible where processes share a pid namespace.
    """
    thaw(folders)
    for _ in range(_TRIES):
        pids = [pid for folder in folders for pid in _processes(folder)]
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, _signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(_PAUSE_S)


def is_frozen(folders: list[str]) -> bool:
    """Whether somebody has the groups stand still."""
    words = [_read(f"{folder}/{name}") for folder in folders for name in ("cgroup.freeze", "freezer.state")]
    return b"1" in words or any(word.startswith(b"FR") for word in words)  # FROZEN, FREEZING


def remove(folders: list[str]) -> list[str]:
    """Remove the groups; returns those still in use after half a second: the last process may take a moment."""
    for _ in range(_TRIES):
        folders = [folder for folder in folders if not _rmdir(folder)]
        if not folders:
            break
        time.sleep(_PAUSE_S)
    return folders


def thaw(folders: list[str]) -> None:
    """Let everything in the groups move."""
    for folder in folders:
        _write(f"{folder}/cgroup.freeze", b"0")
        _write(f"{folder}/freezer.state", b"THAWED")


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # the other version's
        return b""
    try:
        return os.read(fd, 64).strip()
    finally:
        os.close(fd)


def _write(path: str, word: bytes) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # the other version's
        return
    try:
        os.write(fd, word)
    finally:
        os.close(fd)


def _processes(folder: str) -> list[int]:
    try:
        with open(f"{folder}/cgroup.procs") as file:
            return [int(line) for line in file]
    except FileNotFoundError:
        return []


def _rmdir(folder: str) -> bool:
    """Remove a group, and before it those the container made inside, if any; false while it is in use."""
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:  # there are some inside, or it is in use
        return _rmdir_inside(folder)
    return True


def _rmdir_inside(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    _rmdir(entry.path)
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
