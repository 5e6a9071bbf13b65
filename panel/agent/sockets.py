"""The agent's two sockets: where the panel asks, and where shims tell of exits."""

import grp
import os
import socket
from pathlib import Path

GROUP = "moorage"


class SocketTakenError(Exception):
    """Another agent answers on this socket; the message says what to do."""


def request_socket(path: Path) -> socket.socket:
    """The stream socket of requests, for root and the panel's group (0660). Raises `SocketTakenError`, `OSError`."""
    return _bound(path, socket.SOCK_STREAM, 0o660, _group_id())


def observed_socket(path: Path) -> socket.socket:
    """The datagram socket of shims, for root alone (0600). Raises `SocketTakenError`, `OSError`."""
    return _bound(path, socket.SOCK_DGRAM, 0o600, -1)


def _bound(path: Path, kind: socket.SocketKind, mode: int, group: int) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    if _is_answered(path, kind):
        raise SocketTakenError(f"another host agent answers on {path}: stop it, or set MOORAGE_RUN to another folder")
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK)
    before = os.umask(0o777)  # nobody may connect before owner and mode are right
    try:
        bound.bind(str(path))
    finally:
        os.umask(before)
    if group >= 0:
        os.chown(path, -1, group)
    path.chmod(mode)
    return bound


def _is_answered(path: Path, kind: socket.SocketKind) -> bool:
    """Whether a process listens there; the file alone may be what a killed agent left."""
    with socket.socket(socket.AF_UNIX, kind) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True


def _group_id() -> int:
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:  # a host without the panel's user, such as one that runs tests
        return -1
