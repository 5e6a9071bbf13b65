"""Files that one pull at a time works on; the kernel drops the claim of a process that dies."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOOK_EVERY_S = 0.1


@contextmanager
def claimed(path: Path, *, on_wait: Callable[[], None]) -> Iterator[int]:
    """A descriptor of the file, made if it is missing; waits for whoever has it. `on_wait` may raise to give up."""
    while (fd := _try(path)) is None:
        on_wait()
        time.sleep(_LOOK_EVERY_S)
    try:
        yield fd
    finally:
        os.close(fd)


def forget(path: Path) -> None:
    """Remove the file unless somebody works on it."""
    if path.exists() and (fd := _try(path)) is not None:
        path.unlink(missing_ok=True)
        os.close(fd)


def _try(path: Path) -> int | None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(fd), path.stat()):  # else its owner has removed it just now
            return fd
    os.close(fd)
    return None
