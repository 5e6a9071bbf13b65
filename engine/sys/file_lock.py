"""A lock that processes hold on a file (flock(2)), which the kernel drops when its holder ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, *, is_exclusive: bool) -> Iterator[None]:
    """Hold it, alone or with others who do not want it alone; the file is made where it is missing."""
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if is_exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)
