"""openat2(2): opens a path while the kernel itself keeps it beneath a directory, whatever links lie on the way."""

import ctypes
import os

from engine.errors import KernelError

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_NUMBER = 437  # the same on every architecture, as all system calls since 5.0
_syscall = ctypes.CDLL(None, use_errno=True).syscall


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def openat2(dir_fd: int, path: bytes, flags: int, *, resolve: int, mode: int = 0) -> int:
    """A descriptor for `path` below `dir_fd`; close-on-exec is always set.

    Raises KernelError: EXDEV where the path would leave the directory, ELOOP where it meets a forbidden link.
    """
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    while True:
        fd: int = _syscall(_NUMBER, dir_fd, path, ctypes.byref(how), ctypes.sizeof(how))
        if fd >= 0:
            return fd
        # EAGAIN: some rename or mount elsewhere raced with the walk and the kernel could not be sure (openat2(2)).
        if (errno := ctypes.get_errno()) not in (11, 4):
            raise KernelError("openat2", errno, path.decode(errors="backslashreplace"))
