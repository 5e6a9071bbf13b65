"""Room for a container's birth under a memory limit that only its program fits in.

Until execve(2) the first process is a fork of a Python process: it writes to some hundred pages that it shared, and
each counts in its group. So a small limit is set aside for that while and is back in force when the program runs.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import os

_ENOUGH_BYTES = (16 << 20) + 65536  # a number that nobody asks for: whoever finds it in force knows whose it is


def make(limits: list[str], note: str = "") -> list[tuple[str, bytes]]:
    """Raise those of the limits that are too small, in this order; returns what they were.

    That is written to the file `note` first: a birth that was killed leaves them raised, and the next one in the same
    group puts back what is noted.
    """
    texts = {path: text for path in limits if (text := _read(path).strip()).isdigit()}
    small = {path: text for path, text in texts.items() if int(text) < _ENOUGH_BYTES}
    left = {path for path, text in texts.items() if int(text) == _ENOUGH_BYTES}
    if note and left:
        small |= {path: text for path, text in _noted(note).items() if path in left}
    elif note and small:
        _write(note, b"".join(b"%s %s\n" % (text, os.fsencode(path)) for path, text in small.items()))
    ordered = [(path, small[path]) for path in limits if path in small]
    for path, _ in ordered:
        _write(path, b"%d" % _ENOUGH_BYTES)
    return ordered


def _noted(note: str) -> dict[str, bytes]:
    lines = [line.split(b" ", 1) for line in _read(note).splitlines()]
    return {os.fsdecode(name): text for text, name in lines}


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
    """The file's text, nothing for one that is not there: a parent's may not hand its controller down."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return os.read(fd, 65536)
    finally:
        os.close(fd)


def _write(path: str, text: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)
