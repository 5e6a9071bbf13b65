"""Which file systems the kernel makes up as they are read: statfs(2) tells by a number (linux/magic.h)."""

import ctypes
import os

from engine.sys.libc import check, libc

_MADE_UP = frozenset(
    {
        0x9FA0,  # proc
        0x62656572,  # sysfs
        0x27E0EB,  # cgroup
        0x63677270,  # cgroup2
        0x1CD1,  # devpts
        0x19800202,  # mqueue
        0x64626720,  # debugfs
        0x74726163,  # tracefs
        0x73636673,  # securityfs
        0xCAFE4A11,  # bpf
        0x62656570,  # configfs
    }
)
_PEEK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def is_made_up(folder: int, name: bytes) -> bool:
    """Whether what is under `name` in the folder is of such a file system. Raises KernelError, OSError."""
    fd = os.open(name, _PEEK, dir_fd=folder)
    try:
        buffer = (ctypes.c_long * 32)()  # struct statfs begins with f_type, a word of the machine's
        check(libc.fstatfs(fd, ctypes.byref(buffer)), "fstatfs", os.fsdecode(name))
        return buffer[0] in _MADE_UP
    finally:
        os.close(fd)
