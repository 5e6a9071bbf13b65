"""Enters a running container to run one more program in it.

*Entering* goes through every namespace and drops every right, but stays outside the container's pid namespace, where
nobody inside sees it; so it can live in the memory of its parent, which waits for it. Then it clones the program's
process as its sister. That one is seen inside from its first instruction on and shares, page by page, the launcher's
memory until execve: it has no right left that the program will not have, no descriptor but its own, and cannot be
looked into (PR_SET_DUMPABLE), but by who may trace processes of the host: a container with the host's ids and
CAP_SYS_PTRACE, which has nothing to gain from it.
"""

from __future__ import annotations

import _socket
import os

from engine.errors import KernelError
from engine.launcher import link, messages, program
from engine.launcher.messages import Entry, Way
from engine.sys import process, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_NULL = os.makedev(1, 3)
_ENXIO = 6


class Begun:
    """An entry on its way; what it takes is done in other processes than the caller's."""

    def __init__(self, entry: Entry, container: int, ends: list[int]) -> None:
        """Enter the container whose first process is behind the pidfd `container`.

        `ends` are the program's ends of what `Way.attached` names. Raises KernelError.
        """
        self._status, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        # Only here: a write to cgroup.procs waits for every processor of the host to have been through RCU.
        cgroup_fd = os.open(entry.cgroup_v2, os.O_RDONLY | os.O_CLOEXEC) if entry.cgroup_v2 else -1
        way = messages.unpack_way(entry.way)
        self._child = _start(way, lambda: _live(way, container, ends, theirs), cgroup_fd)
        theirs.close()
        if cgroup_fd >= 0:
            os.close(cgroup_fd)

    def await_birth(self) -> tuple[int, int]:
        """Pid and pidfd of the program's process, a child of the caller. Raises KernelError.

        It waits to be told to go, and ends by itself if it never is.
        """
        message, descriptors = link.receive(self._status)
        word, fields = messages.unpack(message)
        if word == messages.BORN:
            return int(fields[0]), descriptors[0]
        raise KernelError(fields[0], int(fields[1]), fields[2]) if fields else KernelError("clone", 0, "it was killed")

    def go(self) -> None:
        """Let it go; if it has failed already, `await_exec` tells why."""
        link.answer(self._status, messages.GO, [])
        os.waitpid(self._child, 0)

    def await_exec(self) -> list[int]:
        """Returns, once the program runs, the terminal's master if it has one. Raises KernelError."""
        return link.await_exec(self._status)


def _start(way: Way, life: Callable[[], NoReturn], cgroup_fd: int) -> int:
    """Start entering, where it can in the caller's memory: nobody inside sees it, so nobody can end it half-way.

    A time namespace is entered only by who has its memory to itself.
    """
    fits_group = cgroup_fd < 0 or spawn.can_spawn_into_group(way.machine)
    if spawn.is_sound and fits_group and not way.namespaces & process.CLONE_NEWTIME:
        pid, pidfd = spawn.spawn(0, life, cgroup_fd=cgroup_fd)
    else:
        pid, pidfd = process.clone(cgroup_fd=cgroup_fd)
        if pid == 0:
            life()
    os.close(pidfd)
    return pid


def _live(way: Way, container: int, ends: list[int], status: _socket.socket) -> NoReturn:
    try:
        process.keep_only(container, status.fileno(), *ends, first=3 + way.process.preserved_fds)
        process.prctl(process.PR_SET_DUMPABLE, 0)
        process.reset_signals()
        _enter(way, container, ends, status)
    except BaseException as error:
        program.tell_failure(status, error)
    finally:
        os._exit(127)


def _enter(way: Way, container: int, ends: list[int], status: _socket.socket) -> None:
    program.set_oom_score(way.process)
    program.set_limits(way.process)
    join = [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in way.join]
    _enter_namespaces(way, container)
    if not way.drops_late:
        program.drop_rights(way.process, way.seccomp, way.machine)
    pid, pidfd = process.fork_sister(way.machine)
    if pid == 0:
        _become(way, join, ends, status)
    else:
        link.send(status, messages.pack(messages.BORN, pid), [pidfd])


def _enter_namespaces(way: Way, container: int) -> None:
    """The user namespace comes last: the others may belong to the host's, whose root this process still is."""
    process.setns(container, way.namespaces)
    if way.has_user_namespace:
        process.setns(container, process.CLONE_NEWUSER)


def _become(way: Way, join: list[int], ends: list[int], status: _socket.socket) -> None:
    """The last steps, in the process that is the program's. Its memory counts as the container's from `join` on."""
    if way.drops_late:
        program.drop_rights(way.process, way.seccomp, way.machine)
    os.setsid()
    if link.receive(status)[0] != messages.GO:
        return  # nobody is left to guard it
    for fd in join:
        os.write(fd, b"0")
    _connect_stdio(way, ends, status)
    program.execute(way.process)


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
