"""Pseudo-terminals of a devpts instance (ioctl_tty(2))."""

import ctypes
import os
import struct

from engine.errors import KernelError
from engine.sys.libc import check, libc

_PTMX = os.makedev(5, 2)
_ENOTTY = 25
_TIOCSPTLCK, _TIOCGPTPEER, _TIOCSCTTY, _TIOCSWINSZ = 0x40045431, 0x5441, 0x540E, 0x5414


def _ioctl(fd: int, name: str, request: int, argument: object) -> int:
    return check(libc.ioctl(fd, ctypes.c_ulong(request), argument), f"ioctl {name}")


def open_pair(ptmx: str) -> tuple[int, int]:
    """A new pseudo-terminal of the devpts that `ptmx` belongs to: `(master, slave)` descriptors, close-on-exec.

    Raises KernelError ENOTTY for a `ptmx` that is something else: a container can have put anything there.
    """
    master = os.open(ptmx, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    if os.fstat(master).st_rdev != _PTMX:
        os.close(master)
        raise KernelError("open", _ENOTTY, ptmx)
    _ioctl(master, "TIOCSPTLCK", _TIOCSPTLCK, ctypes.byref(ctypes.c_int(0)))
    slave = _ioctl(master, "TIOCGPTPEER", _TIOCGPTPEER, ctypes.c_int(os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    return master, slave


def set_controlling(slave: int) -> None:
    """Make `slave` the controlling terminal of the calling session leader."""
    _ioctl(slave, "TIOCSCTTY", _TIOCSCTTY, ctypes.c_int(0))


def set_size(master: int, *, rows: int, columns: int) -> None:
    """Tell the terminal how many character cells it has."""
    size = ctypes.create_string_buffer(struct.pack("<4H", rows, columns, 0, 0))
    _ioctl(master, "TIOCSWINSZ", _TIOCSWINSZ, size)
