"""Gives each user namespace a range of user and group ids that no other on this host has.

A range is taken by a lock on its byte of a file that all engines of a host share. The kernel drops the lock when the
last copy of its descriptor is closed, so a range is free again whatever its holders died of.
"""

from __future__ import annotations

import errno
import fcntl
import os

from engine.errors import EngineError
from engine.logs.format import FLOCK

COUNT = 65536
"""Ids in a range, as in Docker's: 0 to 65535 inside."""
_FIRST = 1 << 30  # above the ids of people, of systemd's dynamic users and of most directories
_RANGES = 16384  # up to the 31st bit, as some programs take ids for signed numbers
_PATH = "/run/lock/moorage-ids"


def take() -> tuple[int, int]:
    """A free range: its first id on the host, and the descriptor that holds it. Raises EngineError, OSError."""
    os.makedirs(os.path.dirname(_PATH), exist_ok=True)
    fd = os.open(_PATH, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    start = os.getpid()  # so that those who look at the same moment look in different places
    for step in range(_RANGES):
        number = (start + step) % _RANGES
        if _lock(fd, number):
            return _FIRST + number * COUNT, fd
    os.close(fd)
    raise EngineError("Every range of user ids is in use.", hint="End some containers.")


def _lock(fd: int, number: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, number, 1, 0))
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True
