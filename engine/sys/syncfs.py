"""syncfs(2): waits until everything written to one file system is on its disk."""

import ctypes
import os
from pathlib import Path

from engine.errors import KernelError

_syncfs = ctypes.CDLL(None, use_errno=True).syncfs


def syncfs(path: Path) -> None:
    """Sync the file system that holds `path`; one call is far cheaper than an fsync for each of a layer's files."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _syncfs(fd) != 0:
            raise KernelError("syncfs", ctypes.get_errno(), str(path))
    finally:
        os.close(fd)
