"""Enters a running container to run one more program in it.

Three processes, so that nobody inside ever gets hold of more than the container has. *Entering* goes through every
namespace and drops every right, but stays outside the container's pid namespace, where nobody inside can see it; then
it clones the program's process as its sister. That one is seen inside from its first instruction on, so it has no
right left that the program will not have, no descriptor but its own, and cannot be looked into (PR_SET_DUMPABLE): it
shares the launcher's memory until execve.
"""

from __future__ import annotations

import _socket
import os

from engine.errors import KernelError
from engine.launcher import link, messages, program
from engine.launcher.messages import Entry
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_NULL = os.makedev(1, 3)
_ENXIO = 6


def begin(entry: Entry, container: int, ends: list[int]) -> tuple[int, int, _socket.socket]:
    """Enter the container whose first process is behind the pidfd `container`.

    `ends` are the program's ends of what `entry.attached` names. Returns pid and pidfd of the program's process, a
    child of the caller that waits to be told to go (`finish`), and ends by itself if it never is. Raises KernelError.
    """
    status, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    child = os.fork()
    if child == 0:
        process.keep_only(container, theirs.fileno(), *ends)
        _enter(entry, container, ends, theirs)
    theirs.close()
    message, descriptors = link.receive(status)
    os.waitpid(child, 0)
    word, fields = messages.unpack(message)
    if word != messages.BORN:
        status.close()
        raise KernelError(fields[0], int(fields[1]), fields[2]) if fields else KernelError("clone", 0, "")
    return int(fields[0]), descriptors[0], status


def finish(status: _socket.socket) -> list[int]:
    """Let it go. Returns, once the program runs, the terminal's master if it has one. Raises KernelError."""
    status.send(messages.GO)
    try:
        return link.await_exec(status)
    finally:
        status.close()


def _enter(entry: Entry, container: int, ends: list[int], status: _socket.socket) -> NoReturn:
    try:
        process.prctl(process.PR_SET_DUMPABLE, 0)
        process.reset_signals()
        program.set_oom_score(entry.process)
        program.set_limits(entry.process)
        join = [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in entry.join]
        _enter_namespaces(entry, container)
        if not entry.drops_late:
            program.drop_rights(entry.process, entry.seccomp, entry.machine)
        pid, pidfd = process.fork_sister(entry.machine)
        if pid == 0:
            _become(entry, join, ends, status)
        else:
            link.send(status, messages.pack(messages.BORN, pid), [pidfd])
    except BaseException as error:
        program.tell_failure(status, error)
    finally:
        os._exit(127)


def _enter_namespaces(entry: Entry, container: int) -> None:
    """The user namespace comes last: the others may belong to the host's, whose root this process still is."""
    process.setns(container, entry.namespaces)
    if entry.has_user_namespace:
        process.setns(container, process.CLONE_NEWUSER)


def _become(entry: Entry, join: list[int], ends: list[int], status: _socket.socket) -> None:
    """The last steps, in the process that is the program's. Its memory counts as the container's from `join` on."""
    if entry.drops_late:
        program.drop_rights(entry.process, entry.seccomp, entry.machine)
    os.setsid()
    if link.receive(status)[0] != messages.GO:
        return  # nobody is left to guard it
    for fd in join:
        os.write(fd, b"0")
    _connect_stdio(entry, ends, status)
    program.execute(entry.process)


def _connect_stdio(entry: Entry, ends: list[int], status: _socket.socket) -> None:
    if entry.process.is_terminal:
        slave = program.connect_terminal(entry.process, status)
        for target in (0, 1, 2):
            os.dup2(slave, target)
        return
    null = -1 if all(entry.attached) else _open_null()
    given = iter(ends)
    for target, is_attached in enumerate(entry.attached):
        os.dup2(next(given) if is_attached else null, target)


def _open_null() -> int:
    """The container's own /dev/null, not the host's; what may have been put in its place is not waited for."""
    fd = os.open("/dev/null", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    if os.fstat(fd).st_rdev != _NULL:
        raise KernelError("open", _ENXIO, "/dev/null")
    os.set_blocking(fd, True)
    return fd
