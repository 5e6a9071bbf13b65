"""Enters a running container to run one more program in it.

The program's process shares the launcher's memory until execve, and is seen inside from its first instruction on. So it
has no descriptor but its own and cannot be looked into (PR_SET_DUMPABLE): the kernel lets only those do that who hold
CAP_SYS_PTRACE in the host's user namespace.

Where the container has a user namespace of its own, that is nobody inside, and the process may go its way there
directly. Where it has the host's, a right to trace is one on the host; then *entering* goes through every namespace and
drops every right first, but stays outside the container's pid namespace, where nobody inside can see it, and clones the
program's process as its sister with nothing left to be had from it.
"""

from __future__ import annotations

import _socket
import os

from engine.errors import KernelError
from engine.launcher import link, messages, program
from engine.launcher.messages import Entry, Way
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_NULL = os.makedev(1, 3)
_ENXIO = 6


class Begun:
    """An entry on its way; what it takes is under way at once, in other processes than the caller's."""

    def __init__(self, entry: Entry, container: int, ends: list[int]) -> None:
        """Enter the container whose first process is behind the pidfd `container`.

        `ends` are the program's ends of what `Way.attached` names. Raises KernelError.
        """
        self._status, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        # Only here: a write to cgroup.procs waits for every processor of the host to have been through RCU.
        cgroup_fd = os.open(entry.cgroup_v2, os.O_RDONLY | os.O_CLOEXEC) if entry.cgroup_v2 else -1
        if entry.is_direct:
            process.setns(container, process.CLONE_NEWPID)  # of what is cloned next
        self._child = process.clone(cgroup_fd=cgroup_fd)
        if self._child[0] == 0:
            process.keep_only(container, theirs.fileno(), *ends)
            _live(entry, container, ends, theirs)
        self._is_direct = entry.is_direct
        theirs.close()
        if cgroup_fd >= 0:
            os.close(cgroup_fd)

    def await_birth(self) -> tuple[int, int]:
        """Pid and pidfd of the program's process, a child of the caller. Raises KernelError.

        It waits to be told to go, and ends by itself if it never is.
        """
        if self._is_direct:
            return self._child
        message, descriptors = link.receive(self._status)
        word, fields = messages.unpack(message)
        if word == messages.BORN:
            return int(fields[0]), descriptors[0]
        raise KernelError(fields[0], int(fields[1]), fields[2]) if fields else KernelError("clone", 0, "it was killed")

    def go(self) -> None:
        """Let it go; if it has failed already, `await_exec` tells why."""
        link.answer(self._status, messages.GO, [])
        if not self._is_direct:
            os.waitpid(self._child[0], 0)

    def await_exec(self) -> list[int]:
        """Returns, once the program runs, the terminal's master if it has one. Raises KernelError."""
        return link.await_exec(self._status)


def _live(entry: Entry, container: int, ends: list[int], status: _socket.socket) -> NoReturn:
    try:
        process.prctl(process.PR_SET_DUMPABLE, 0)
        process.reset_signals()
        _enter(messages.unpack_way(entry.way), container, ends, status, is_direct=entry.is_direct)
    except BaseException as error:
        program.tell_failure(status, error)
    finally:
        os._exit(127)


def _enter(way: Way, container: int, ends: list[int], status: _socket.socket, *, is_direct: bool) -> None:
    program.set_oom_score(way.process)
    program.set_limits(way.process)
    join = [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in way.join]
    _enter_namespaces(way, container)
    if is_direct:
        _become(way, join, ends, status, has_rights=True)
        return
    if not way.drops_late:
        program.drop_rights(way.process, way.seccomp, way.machine)
    pid, pidfd = process.fork_sister(way.machine)
    if pid == 0:
        _become(way, join, ends, status, has_rights=way.drops_late)
    else:
        link.send(status, messages.pack(messages.BORN, pid), [pidfd])


def _enter_namespaces(way: Way, container: int) -> None:
    """The user namespace comes last: the others may belong to the host's, whose root this process still is."""
    process.setns(container, way.namespaces)
    if way.has_user_namespace:
        process.setns(container, process.CLONE_NEWUSER)


def _become(way: Way, join: list[int], ends: list[int], status: _socket.socket, *, has_rights: bool) -> None:
    """The last steps, in the process that is the program's. Its memory counts as the container's from `join` on."""
    if has_rights:
        program.drop_rights(way.process, way.seccomp, way.machine)
    os.setsid()
    if link.receive(status)[0] != messages.GO:
        return  # nobody is left to guard it
    for fd in join:
        os.write(fd, b"0")
    _connect_stdio(way, ends, status)
    program.execute(way.process, status)


def _connect_stdio(way: Way, ends: list[int], status: _socket.socket) -> None:
    if way.process.is_terminal:
        slave = program.connect_terminal(way.process, status)
        for target in (0, 1, 2):
            os.dup2(slave, target)
        return
    null = -1 if all(way.attached) else _open_null()
    given = iter(ends)
    for target, is_attached in enumerate(way.attached):
        os.dup2(next(given) if is_attached else null, target)


def _open_null() -> int:
    """The container's own /dev/null, not the host's; what may have been put in its place is not waited for."""
    fd = os.open("/dev/null", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    if os.fstat(fd).st_rdev != _NULL:
        raise KernelError("open", _ENXIO, "/dev/null")
    os.set_blocking(fd, True)
    return fd
