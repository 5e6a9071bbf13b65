"""The sockets of a handshake: messages with descriptors, and the shim's lasting one to the launcher.

On that descriptors go up for safe keeping, and an exit status may come down.
"""

from __future__ import annotations

import _socket
import select
import struct

from engine.errors import KernelError
from engine.launcher import messages
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SOL_SOCKET, _SCM_RIGHTS = 1, 1
_ANCILLARY_BYTES = _socket.CMSG_SPACE(4 * 16)  # room for sixteen descriptors
_MSG_NOSIGNAL = 0x4000
_MSG_DONTWAIT = 0x40
_MSG_CMSG_CLOEXEC = 0x40000000
_EXIT_STATUS_S = 2.0


def send(socket: _socket.socket, message: bytes, descriptors: list[int]) -> None:
    """One message with descriptors beside it."""
    ancillary = [(_SOL_SOCKET, _SCM_RIGHTS, struct.pack(f"{len(descriptors)}i", *descriptors))] if descriptors else []
    socket.sendmsg([message], ancillary, _MSG_NOSIGNAL)


def receive(socket: _socket.socket, flags: int = 0) -> tuple[bytes, list[int]]:
    """One message and the descriptors that came with it, close-on-exec; `b""` when the other side is gone."""
    try:
        message, ancillary = _receive(socket, flags)
    except ConnectionError:
        # The other side closed without reading all it was sent. What it had said before is still there.
        message, ancillary = _receive(socket, flags)
    descriptors: list[int] = []
    for level, kind, data in ancillary:
        if (level, kind) == (_SOL_SOCKET, _SCM_RIGHTS):
            descriptors += memoryview(data).cast("i")
    return message, descriptors


def await_exec(status: _socket.socket, run_hooks: Callable[..., None] | None = None) -> list[int]:
    """The terminal's master, if there is one, once the program runs. Raises KernelError for the step that failed.

    `run_hooks` is called with what the process says of hooks that it waits for, if it may.
    The socket is close-on-exec: it closes when the program is executed, or when its process was killed before, which
    its pidfd will tell.
    """
    terminal: list[int] = []
    while True:
        message, descriptors = receive(status)
        if not message:
            return terminal
        word, fields = messages.unpack(message)
        if word == messages.CONSOLE:
            terminal = descriptors
        elif word == messages.HOOKS and run_hooks is not None:
            run_hooks(*fields)
            answer(status, messages.GO, [])
        else:
            raise KernelError(fields[0], int(fields[1]), fields[2])


def answer(reply: _socket.socket, message: bytes, descriptors: list[int]) -> None:
    """Send to somebody who may be gone by now, and then has no need of it."""
    try:
        send(reply, message, descriptors)
    except ConnectionError:
        return


def _receive(socket: _socket.socket, flags: int) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    message, ancillary, _, _ = socket.recvmsg(messages.MAXIMUM_MESSAGE, _ANCILLARY_BYTES, flags | _MSG_CMSG_CLOEXEC)
    return message, ancillary


class Link:
    """The shim's end. It is found again by the launcher's path after the launcher was restarted."""

    def __init__(self, path: str, socket: _socket.socket) -> None:
        self.path = path
        self.socket: _socket.socket | None = socket
        self.poll: select.poll | None = None
        self.exit_status: int | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the launcher was there when last looked."""
        return self.socket is not None

    def watch(self, poll: select.poll) -> None:
        """Have `poll` report what comes from the launcher, now and after each `connect`."""
        self.poll = poll
        if self.socket is not None:
            poll.register(self.socket.fileno(), select.POLLIN)

    def read(self) -> bytes:
        """Take what the launcher sent, or notice that it is gone; the word that came, if any.

        Does not wait: it may have been taken already.
        """
        if self.socket is None:
            return b""
        try:
            message, _ = receive(self.socket, _MSG_DONTWAIT)
        except BlockingIOError:
            return b""
        if not message:
            self._drop()
            return b""
        word, fields = messages.unpack(message)
        if word == messages.EXITED and fields[0]:
            self.exit_status = int(fields[0])
        return word

    def exit_status_of(self, pidfd: int) -> int:
        """The wait status of a process that is not the caller's child but, by now, the launcher's.

        The launcher sends it; where it does not, the kernel may know; -1 when nobody does.
        """
        status = self._await_exit_status()
        if status is None:
            status = process.exit_status(pidfd)
        return -1 if status is None else status

    def _await_exit_status(self) -> int | None:
        if self.exit_status is None and self.socket is not None:
            poll = select.poll()
            poll.register(self.socket.fileno(), select.POLLIN)
            if poll.poll(int(_EXIT_STATUS_S * 1000)):
                self.read()
        return self.exit_status

    def send(self, message: bytes, descriptors: list[int] | None = None) -> None:
        """Send to the launcher; when it is gone the next `connect` finds its successor."""
        if self.socket is None:
            return
        try:
            send(self.socket, message, descriptors or [])
        except ConnectionError:
            self._drop()

    def connect(self) -> bool:
        """Try to reach a restarted launcher."""
        socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        try:
            socket.connect(self.path)
        except (FileNotFoundError, ConnectionError):
            socket.close()
            return False
        self.socket = socket
        if self.poll is not None:
            self.watch(self.poll)
        return True

    def _drop(self) -> None:
        if self.socket is None:
            return
        if self.poll is not None:
            self.poll.unregister(self.socket.fileno())
        self.socket.close()
        self.socket = None
