"""Reads small files of a container's root while the kernel keeps every link inside it (openat2(2), RESOLVE_IN_ROOT)."""

import os
import stat

from engine.errors import KernelError
from engine.sys import openat2

_LARGEST_BYTES = 1 << 20
_ABSENT = {2, 20, 40}  # ENOENT, ENOTDIR, ELOOP


def read_text(root_fd: int, path: str) -> str:
    """The file's text, at most 1 MiB, other bytes than UTF-8 as surrogates; empty unless it is a regular file."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
    try:
        fd = openat2.openat2(root_fd, path.encode(), flags, resolve=openat2.RESOLVE_IN_ROOT)
    except KernelError as error:
        if error.errno in _ABSENT:
            return ""
        raise
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return ""
        return file.read(_LARGEST_BYTES).decode("utf-8", "surrogateescape")
