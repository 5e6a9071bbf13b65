"""Room for a container's birth under a memory limit that only its program fits in.

Until execve(2) the first process is a fork of a Python process: it writes to some hundred pages that it shared, and
each counts in its group. So a small limit is set aside for that while and is back in force when the program runs.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import os

_ENOUGH_BYTES = 16 << 20


def make(limits: list[str]) -> list[tuple[str, bytes]]:
    """Raise those of the limits that are too small, in this order; returns what they were."""
    small = []
    for path in limits:
        try:
            text = _read(path).strip()
        except FileNotFoundError:
            continue  # a parent's that does not hand this controller down
        if text.isdigit() and int(text) < _ENOUGH_BYTES:
            _write(path, b"%d" % _ENOUGH_BYTES)
            small.append((path, text))
    return small


def take_back(small: list[tuple[str, bytes]], pidfd: int) -> None:
    """Put the limits back, the last first; the program of `pidfd`, if it has more by now (v1 refuses), is killed."""
    for path, text in reversed(small):
        try:
            _write(path, text)
        except OSError:
            if pidfd < 0:
                raise
            _signal.pidfd_send_signal(pidfd, _signal.SIGKILL)


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 64)
    finally:
        os.close(fd)


def _write(path: str, text: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)
