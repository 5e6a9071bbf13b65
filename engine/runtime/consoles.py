"""Terminals of containers: given away over `--console-socket`, or shown on the caller's own."""

import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.errors import InvalidSpec, KernelError
from engine.runtime import sockets

_CHUNK = 1 << 16


def check(*, is_terminal: bool, socket_path: str, is_detached: bool) -> None:
    """Raise InvalidSpec where a terminal has nowhere to go, or a socket gets nothing."""
    if is_terminal and is_detached and not socket_path:
        raise InvalidSpec("process.terminal", "needs --console-socket where nobody stays to show it")
    if socket_path and not (is_terminal and is_detached):
        raise InvalidSpec("--console-socket", "is for a terminal that is not shown here")


def send(socket_path: str, master: int) -> None:
    """Give the terminal's master to whoever listens at the path. Raises KernelError."""
    try:
        with sockets.connected(Path(socket_path), socket.SOCK_STREAM) as connection:
            socket.send_fds(connection, [b"/dev/ptmx"], [master])
    except OSError as error:
        raise KernelError("connect", error.errno or 0, socket_path) from None


def show(master: int, has_ended: Callable[[], bool]) -> None:
    """Pass bytes between the caller's terminal and this one until `has_ended` and nothing is left to be shown."""
    with _raw_input(), _same_size(master):
        poll = select.poll()
        poll.register(master, select.POLLIN)
        poll.register(0, select.POLLIN)
        while True:
            for fd, _ in poll.poll(100):
                if fd == 0 and not _copy(0, master):
                    poll.unregister(0)
                if fd == master and not _copy(master, 1):
                    return
            if has_ended() and not poll.poll(0):
                return


def _copy(source: int, target: int) -> bool:
    try:
        data = os.read(source, _CHUNK)
    except OSError:
        return False  # a terminal whose other side is closed answers EIO
    while data:
        data = data[os.write(target, data) :]
        if not data:
            return True
    return False


@contextmanager
def _raw_input() -> Iterator[None]:
    """What is typed goes to the container as it is, where standard input is a terminal."""
    if not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _same_size(master: int) -> Iterator[None]:
    """The container's terminal follows the size of the caller's."""

    def follow(*_: Any) -> None:
        if os.isatty(0):
            size = fcntl.ioctl(0, termios.TIOCGWINSZ, struct.pack("4H", 0, 0, 0, 0))
            fcntl.ioctl(master, termios.TIOCSWINSZ, size)

    follow()
    before = signal.signal(signal.SIGWINCH, follow)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
        sys.stdout.flush()
