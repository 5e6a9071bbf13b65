"""The warm process that every container is forked from: it knows the code, keeps little, and forks at once.

It also keeps copies of each shim's descriptors. When a shim is killed its container becomes a child of this process
(PR_SET_CHILD_SUBREAPER), and a new shim is forked to go on with the same pipes.
"""

from __future__ import annotations

import _socket
import gc
import os
import select
import sys

from engine.launcher import exec_shim, link, messages, shim
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_LISTEN_BACKLOG = 128
_LONGEST_DELAY_S = 30.0
_STREAMS_AT = 4  # in a container's descriptors, behind plan, pidfd, log and id locks


class Held:
    """What a shim guards, as it described it: enough to put another shim in its place, whose life is `adopt`."""

    def __init__(self, socket: _socket.socket, shim_pid: int) -> None:
        self.socket = socket
        self.adopt: Callable[[int, int, str, list[int], link.Link, float], NoReturn] = shim.adopt
        self.shim_pid = shim_pid
        self.pid = 0
        self.kinds = ""
        self.descriptors: list[int] = []
        self.respawns = 0
        self.is_watching_exit = False

    def stream(self, *kinds: str) -> int | None:
        """The descriptor of the first of these kinds that is there."""
        streams = dict(zip(self.kinds, self.descriptors[_STREAMS_AT:], strict=False))
        return next((streams[kind] for kind in kinds if kind in streams), None)

    def give_away(self, kind: str) -> None:
        """Close the stream of this kind, here and in the shim: whoever was given a copy has the only one."""
        at = self.kinds.index(kind)
        os.close(self.descriptors.pop(_STREAMS_AT + at))
        self.kinds = self.kinds[:at] + self.kinds[at + 1 :]
        link.answer(self.socket, messages.TAKEN, [])  # a dead one has lost its copy anyway

    def close(self) -> None:
        self.socket.close()
        for fd in self.descriptors:
            os.close(fd)


class Launcher:
    """Listens on `path` (mode 0600) for engines that want a container and for shims that look for their launcher."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.listener = _listen(path)
        self.poll = select.poll()
        self.poll.register(self.listener.fileno(), select.POLLIN)
        self.callers: dict[int, _socket.socket] = {}
        self.held: dict[int, Held] = {}
        self.exits: dict[int, Held] = {}
        self.ready: Held | None = None

    def serve(self) -> None:
        """Answer for ever."""
        process.prctl(process.PR_SET_CHILD_SUBREAPER, 1)
        gc.collect()
        gc.disable()  # a collection in a child would touch, and so copy, every page it shares with this process
        gc.freeze()
        self.ready = self._fork_shim()
        while True:
            for fd, _ in self.poll.poll():
                if fd == self.listener.fileno():
                    self._accept()
                elif fd in self.held:
                    self._hear_shim(self.held[fd])
                elif fd in self.exits:
                    self._pass_on_exit(self.exits.pop(fd), fd)
                elif fd in self.callers:
                    self._hear_caller(self.callers.pop(fd))

    def _accept(self) -> None:
        fd, _ = self.listener._accept()  # type: ignore[attr-defined] # the typed accept is in `socket`, a large module
        caller = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fd)
        self.callers[fd] = caller
        self.poll.register(fd, select.POLLIN)

    def _hear_caller(self, caller: _socket.socket) -> None:
        self.poll.unregister(caller.fileno())
        message, descriptors = link.receive(caller)
        word, fields = messages.unpack(message)
        if word == messages.START and descriptors:
            self._start(caller, descriptors)
        elif word == messages.EXEC and len(descriptors) >= 2:
            self._exec(caller, descriptors)
        elif word in (messages.HOLD, messages.HOLD_EXEC):
            self._hold(Held(caller, 0), word, fields, descriptors)
        else:
            if word == messages.ATTACH:
                self._attach(caller, int(fields[0]), takes=fields[1] == "take")
            if word == messages.PING:
                caller.send(messages.PONG)
            caller.close()

    def _start(self, reply: _socket.socket, descriptors: list[int]) -> None:
        """Give the work to the shim that stands ready; the next is forked when this one tells of its container."""
        waiting, self.ready = self.ready, None
        if waiting is None or not _send(waiting.socket, [*descriptors, reply.fileno()]):
            waiting = self._fork_shim()
            _send(waiting.socket, [*descriptors, reply.fileno()])
        reply.close()
        for fd in descriptors:
            os.close(fd)

    def _attach(self, caller: _socket.socket, pid: int, *, takes: bool) -> None:
        """Give the caller the way to a program's input or terminal; `takes` leaves him the only end of an input."""
        held = next((held for held in self.held.values() if held.pid == pid), None)
        if held is None:
            link.answer(caller, messages.UNKNOWN, [])
            return
        stream = held.stream(messages.TERMINAL, messages.STDIN)
        link.answer(caller, messages.ATTACHED, [] if stream is None else [stream])
        if takes and messages.STDIN in held.kinds:
            held.give_away(messages.STDIN)

    def _exec(self, reply: _socket.socket, descriptors: list[int]) -> None:
        """Fork a shim for one more program in a container."""
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        entry_fd, *passed = [*descriptors, reply.fileno()]
        pid = os.fork()
        if pid == 0:
            process.keep_only(theirs.fileno(), entry_fd, *passed)
            _in_child(lambda: exec_shim.run(entry_fd, passed, link.Link(self.path, theirs)))
        theirs.close()
        reply.close()
        for fd in descriptors:
            os.close(fd)
        self._watch(Held(ours, pid))

    def _fork_shim(self) -> Held:
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            process.keep_only(theirs.fileno())
            _in_child(lambda: shim.run(link.Link(self.path, theirs)))
        theirs.close()
        held = Held(ours, pid)
        self._watch(held)
        return held

    def _watch(self, held: Held) -> None:
        self.held[held.socket.fileno()] = held
        self.poll.register(held.socket.fileno(), select.POLLIN)

    def _hear_shim(self, held: Held) -> None:
        message, descriptors = link.receive(held.socket)
        word, fields = messages.unpack(message)
        if word in (messages.HOLD, messages.HOLD_EXEC):
            self._hold(held, word, fields, descriptors)
            return
        self.poll.unregister(held.socket.fileno())
        del self.held[held.socket.fileno()]
        if word != messages.DONE and held.descriptors:
            self._replace(held)
            return
        self._forget_exit(held)
        held.close()
        _reap(held.shim_pid)
        if held is self.ready:
            self.ready = None  # killed while it waited; the next start forks its own
        elif self.ready is None:
            self.ready = self._fork_shim()  # its start came to nothing

    def _hold(self, held: Held, word: bytes, fields: list[str], descriptors: list[int]) -> None:
        held.adopt = shim.adopt if word == messages.HOLD else exec_shim.adopt
        for fd in held.descriptors:
            os.close(fd)
        held.pid, held.kinds, held.descriptors = int(fields[0]), fields[1], descriptors
        if held.socket.fileno() not in self.held:
            self._watch(held)
        if self.ready is None:
            self.ready = self._fork_shim()

    def _replace(self, held: Held) -> None:
        """The shim is gone without a word: fork another for its container."""
        print(f"moorage-launcher: the shim of process {held.pid} died; another takes over", file=sys.stderr, flush=True)
        _reap(held.shim_pid)
        held.socket.close()
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        delay = min(held.respawns * 1.0, _LONGEST_DELAY_S)
        pid = os.fork()
        if pid == 0:
            process.keep_only(theirs.fileno(), *held.descriptors)
            plan_fd, *descriptors = held.descriptors
            up = link.Link(self.path, theirs)
            _in_child(lambda: held.adopt(plan_fd, held.pid, held.kinds, descriptors, up, delay))
        theirs.close()
        held.socket, held.shim_pid = ours, pid
        held.respawns += 1
        self._watch(held)
        if not held.is_watching_exit:
            held.is_watching_exit = True
            watched = os.dup(held.descriptors[1])
            self.exits[watched] = held
            self.poll.register(watched, select.POLLIN)

    def _pass_on_exit(self, held: Held, watched: int) -> None:
        """A container without a parent of its own has ended: collect its status and tell its new shim."""
        self.poll.unregister(watched)
        os.close(watched)
        held.is_watching_exit = False
        status = _reap(held.pid)
        try:
            held.socket.send(messages.pack(messages.EXITED, "" if status is None else status))
        except OSError as error:
            print(f"moorage-launcher: exit of process {held.pid} not passed on: {error}", file=sys.stderr, flush=True)

    def _forget_exit(self, held: Held) -> None:
        for watched in [fd for fd, other in self.exits.items() if other is held]:
            self.poll.unregister(watched)
            os.close(watched)
            del self.exits[watched]


def _listen(path: str) -> _socket.socket:
    """A listening socket that takes the place of a dead launcher's."""
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    fresh = f"{path}.{os.getpid()}"
    old = os.umask(0o177)
    try:
        listener.bind(fresh)
    finally:
        os.umask(old)
    listener.listen(_LISTEN_BACKLOG)
    os.rename(fresh, path)
    return listener


def _send(socket: _socket.socket, descriptors: list[int]) -> bool:
    """Give a waiting shim its work; false when it is gone."""
    try:
        link.send(socket, messages.START, descriptors)
    except ConnectionError:
        return False
    return True


def _in_child(life: Callable[[], NoReturn]) -> NoReturn:
    """Live `life`; whatever goes wrong ends this process only, never unwinds into the launcher's own code."""
    try:
        life()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _reap(pid: int) -> int | None:
    """The wait status of a child; None for a process that is not (or no longer) one."""
    if pid <= 0:
        return None
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None
