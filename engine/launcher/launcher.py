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
from engine.launcher.zygote import NAMES, Zygote, live
from engine.sys import process, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_LISTEN_BACKLOG = 128
_DELAY_S, _LONGEST_DELAY_S = 0.1, 30.0  # for each shim of the same run that died before
_LULL_MS = 20
_STRAYS_MS = 200
_STREAMS_AT = 4  # in a container's descriptors, behind plan, pidfd, log and id locks


NAME = b"moorage-launch"
_HEIRS: dict[bytes, Callable[[int, int, str, list[int], link.Link, float], NoReturn]] = {
    messages.START: shim.adopt,
    messages.EXEC: exec_shim.adopt,
}
_HOLDS = {messages.HOLD: messages.START, messages.HOLD_EXEC: messages.EXEC}


class Held:
    """What a shim guards, as it described it: enough to put another shim in its place. `word` began it."""

    def __init__(self, socket: _socket.socket, shim_pid: int, word: bytes) -> None:
        self.socket = socket
        self.word = word
        self.shim_pid = shim_pid
        self.pid = 0
        self.kinds = ""
        self.descriptors: list[int] = []
        self.respawns = 0
        self.is_watching_exit = False
        self.exit_status: int | None = None

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
        self.ready: dict[bytes, Held] = {}
        self.outdated: list[int] = []
        self.wants_exec = False
        self.has_strays = False

    def serve(self) -> None:
        """Answer for ever."""
        process.prctl(process.PR_SET_CHILD_SUBREAPER, 1)
        spawn.is_sound = spawn.works()
        gc.collect()
        gc.disable()  # a collection in a child would touch, and so copy, every page it shares with this process
        gc.freeze()
        self.zygote = Zygote(self.path)
        process.set_name(NAME)
        process.raise_nofile()  # it holds some seven descriptors of every container's
        self._stand_ready(messages.START)
        while True:
            events = self.poll.poll(_LULL_MS if self.wants_exec else _STRAYS_MS if self.has_strays else None)
            if self.wants_exec and not events:
                self._stand_ready(messages.EXEC)
            for fd, _ in events:
                if fd == self.listener.fileno():
                    self._accept()
                elif fd in self.held:
                    self._hear_shim(self.held[fd])
                elif fd in self.exits:
                    self._pass_on_exit(self.exits.pop(fd), fd)
                elif fd in self.callers:
                    self._hear_caller(self.callers.pop(fd))
            if self.has_strays:  # not in a lull only: there may be none
                self._reap_strays()
            while self.outdated:  # only now: its number, used again, would be taken for what this round has told of
                os.close(self.outdated.pop())

    def _accept(self) -> None:
        fd, _ = self.listener._accept()  # type: ignore[attr-defined] # the typed accept is in `socket`, a large module
        caller = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fd)
        self.callers[fd] = caller
        self.poll.register(fd, select.POLLIN)

    def _hear_caller(self, caller: _socket.socket) -> None:
        self.poll.unregister(caller.fileno())
        message, descriptors = link.receive(caller)
        word, fields = messages.unpack(message)
        if word in NAMES and descriptors:
            self._begin(word, caller, descriptors)
        elif word in _HOLDS:
            self._hold(Held(caller, 0, _HOLDS[word]), fields, descriptors)
        else:
            if word == messages.ATTACH:
                self._attach(caller, int(fields[0]), takes=fields[1] == "take")
            if word == messages.PING:
                caller.send(messages.PONG)
            caller.close()

    def _begin(self, word: bytes, reply: _socket.socket, descriptors: list[int]) -> None:
        """Give the work to the shim that stands ready; the next is forked when this one tells what it guards."""
        waiting = self.ready.pop(word, None)
        if waiting is None or not _send(waiting.socket, word, [*descriptors, reply.fileno()]):
            _send(self._fork_shim(word).socket, word, [*descriptors, reply.fileno()])
        reply.close()
        for fd in descriptors:
            os.close(fd)

    def _stand_ready(self, word: bytes) -> None:
        """Have a shim ready for the next work of this kind."""
        if word not in self.ready:
            self.ready[word] = self._fork_shim(word)
        self.wants_exec = self.wants_exec and word != messages.EXEC

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

    def _fork_shim(self, word: bytes) -> Held:
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        held = Held(ours, self.zygote.fork_shim(word, theirs.fileno()), word)
        theirs.close()
        self._watch(held)
        return held

    def _reap_shim(self, pid: int) -> None:
        """Wait for a shim; 0 is one of a launcher before this one, and waitpid(2) would take it for any of a group."""
        if pid and _reap(pid) is None:
            self.zygote.reap(pid)

    def _reap_strays(self) -> None:
        """Wait for what shims that were killed had begun: from then on it is this process's, and nobody else's.

        A container does not come to its end while one of its processes is dead and not waited for.
        """
        known = {pid for held in self.held.values() for pid in (held.pid, held.shim_pid)}
        while (pid := _ended_child()) and pid not in known:
            os.waitpid(pid, 0)
        self.has_strays = not _children() <= known | {self.zygote.pid}

    def _watch(self, held: Held) -> None:
        self.held[held.socket.fileno()] = held
        self.poll.register(held.socket.fileno(), select.POLLIN)

    def _hear_shim(self, held: Held) -> None:
        message, descriptors = link.receive(held.socket)
        word, fields = messages.unpack(message)
        if word in _HOLDS:
            self._hold(held, fields, descriptors)
        else:
            self._part_with(held, is_done=word == messages.DONE)
        if not message or held.respawns:
            self.has_strays = True  # perhaps: what a shim had begun comes here with its end

    def _part_with(self, held: Held, *, is_done: bool) -> None:
        """A shim has ended, as it was to or not: another is there for its container, or for the next."""
        self.poll.unregister(held.socket.fileno())
        del self.held[held.socket.fileno()]
        if held.descriptors and not is_done:
            self._replace(held)
            return
        self._forget_exit(held)
        held.close()
        self._reap_shim(held.shim_pid)
        if self.ready.get(held.word) is held:
            del self.ready[held.word]  # killed while it waited; the next start forks its own
        else:
            self._stand_ready(held.word)

    def _hold(self, held: Held, fields: list[str], descriptors: list[int]) -> None:
        for fd in held.descriptors:
            os.close(fd)
        held.pid, held.kinds, held.descriptors = int(fields[0]), fields[1], descriptors
        if held.socket.fileno() not in self.held:
            self._watch(held)
        if held.word == messages.EXEC:
            self.wants_exec = True  # in a lull: this one's program is just on its way. Many hosts never see an exec
        else:
            self._stand_ready(held.word)

    def _replace(self, held: Held) -> None:
        """The shim is gone without a word: fork another for its container."""
        print(f"moorage-launcher: the shim of process {held.pid} died; another takes over", file=sys.stderr, flush=True)
        self._reap_shim(held.shim_pid)
        held.socket.close()
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        delay = min(held.respawns * _DELAY_S, _LONGEST_DELAY_S)
        plan_fd, *descriptors = held.descriptors
        up = link.Link(self.path, theirs)
        process.set_name(NAMES[held.word])
        pid = os.fork()
        if pid == 0:
            process.keep_only(theirs.fileno(), *held.descriptors)
            process.restore_nofile()
            live(_HEIRS[held.word], plan_fd, held.pid, held.kinds, descriptors, up, delay)
        process.set_name(NAME)
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
        if status is not None:
            held.exit_status = status  # kept, as the new shim may be killed too
        try:
            held.socket.send(messages.pack(messages.EXITED, "" if held.exit_status is None else held.exit_status))
        except OSError as error:
            print(f"moorage-launcher: exit of process {held.pid} not passed on: {error}", file=sys.stderr, flush=True)

    def _forget_exit(self, held: Held) -> None:
        for watched in [fd for fd, other in self.exits.items() if other is held]:
            self.poll.unregister(watched)
            self.outdated.append(watched)
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


def _send(socket: _socket.socket, word: bytes, descriptors: list[int]) -> bool:
    """Give a waiting shim its work; false when it is gone."""
    try:
        link.send(socket, word, descriptors)
    except ConnectionError:
        return False
    return True


def _children() -> set[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return set(map(int, file.read().split()))


def _ended_child() -> int:
    """Pid of a child that has ended and was not waited for yet; 0 when there is none."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return 0 if ended is None else ended.si_pid


def _reap(pid: int) -> int | None:
    """The wait status of a child; None for a process that is not (or no longer) one."""
    if pid <= 0:
        return None
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None
