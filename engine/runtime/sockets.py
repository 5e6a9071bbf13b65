"""Sockets by paths of any length: the kernel takes 107 bytes of one, and callers choose long `--root`s (unix(7))."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A socket for packets that listens at the path, for the time of the block; the path stays."""
    with _short(path) as name, closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as made:
        made.bind(name)
        made.listen(1)
        yield made


@contextmanager
def connected(path: Path, kind: socket.SocketKind) -> Iterator[socket.socket]:
    """A connection to who listens there. Raises OSError."""
    with closing(socket.socket(socket.AF_UNIX, kind)) as made:
        with _short(path) as name:
            made.connect(name)
        yield made


@contextmanager
def _short(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_PATH | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
