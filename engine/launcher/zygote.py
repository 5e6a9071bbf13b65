"""Forks the shims on the launcher's behalf, out of memory that hardly changes.

A page that the launcher writes to between two forks is another one in each of their shims, whether these ever touch it
or not. Here nothing happens but the forks themselves. Shims are children of this process; what they leave behind when
they are killed goes to the launcher all the same, the next subreaper above.
"""

from __future__ import annotations

import _socket
import os
import sys

from engine.launcher import exec_shim, link, messages, shim
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

NAME = b"moorage-zygote"
NAMES = {messages.START: b"moorage-shim", messages.EXEC: b"moorage-exec"}
_LIVES: dict[bytes, Callable[[link.Link], NoReturn]] = {messages.START: shim.run, messages.EXEC: exec_shim.run}


class Zygote:
    """The launcher's end: forks a process of that kind, and another whenever it is gone. `path` is the launcher's."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.pid = 0
        self._socket = self._fork()

    def fork_shim(self, word: bytes, up: int) -> int:
        """Fork a shim for work of the kind `word`, which has `up` as its socket to the launcher; its pid."""
        try:
            return self._ask(word, up)
        except ConnectionError:
            self._socket.close()
            _reap(self.pid)
            self._socket = self._fork()
            return self._ask(word, up)

    def reap(self, pid: int) -> None:
        """Wait for a shim that has ended, or is about to: it is no child of the launcher's."""
        try:
            self._socket.send(b"%d" % pid)
            self._socket.recv(16)
        except ConnectionError:
            return  # then it has become one

    def _ask(self, word: bytes, up: int) -> int:
        link.send(self._socket, word, [up])
        answer = self._socket.recv(16)
        if not answer:
            raise ConnectionResetError
        return int(answer)

    def _fork(self) -> _socket.socket:
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        process.set_name(NAME)
        pid = os.fork()
        if pid == 0:
            process.keep_only(theirs.fileno())
            process.restore_nofile()
            live(_serve, self._path, theirs)
        theirs.close()
        self.pid = pid
        return ours


def _serve(path: str, launcher: _socket.socket) -> NoReturn:
    while True:
        word, descriptors = link.receive(launcher)
        if not word:
            os._exit(0)
        if word.isdigit():
            _reap(int(word))
            launcher.send(word)
            continue
        socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, descriptors[0])
        up, life = link.Link(path, socket), _LIVES[word]
        pid = os.fork()
        if pid == 0:
            process.set_name(NAMES[word])
            launcher.close()  # there is nothing else of this process's to let go
            live(life, up)
        socket.close()
        launcher.send(b"%d" % pid)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        return  # one of a zygote before this one


def live(life: Callable[..., NoReturn], *arguments: object) -> NoReturn:
    """In a fork: whatever goes wrong ends this process only, and never unwinds into the code it was forked from."""
    try:
        life(*arguments)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)
