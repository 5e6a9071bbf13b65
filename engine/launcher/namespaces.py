"""Puts birth into the namespaces its child is to be born into: those that stand ready, and those of others."""

from __future__ import annotations

import _socket
import os

from engine.errors import KernelError
from engine.launcher import program, records, sandbox
from engine.launcher.messages import Plan
from engine.launcher.sandbox import Sandbox
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_ESRCH = 3
_FILES = {
    process.CLONE_NEWUSER: "user",
    process.CLONE_NEWNS: "mnt",
    process.CLONE_NEWPID: "pid",
    process.CLONE_NEWNET: "net",
    process.CLONE_NEWIPC: "ipc",
    process.CLONE_NEWUTS: "uts",
    process.CLONE_NEWCGROUP: "cgroup",
    process.CLONE_NEWTIME: "time",
}


def open_joins(joins: list[list[Any]]) -> list[tuple[int, int]]:
    """Open the namespaces of others that `messages.Plan` names as `joins`: flag and descriptor of each.

    Raises KernelError for one whose container has ended, OSError for one that is not there.
    """
    return [(flag, open_namespace(place, flag)) for flag, place in joins]


def open_namespace(place: str, flag: int) -> int:
    """The namespace of the kind `flag` (CLONE_NEW*): the file at `place`, or that of the container whose folder it is.

    Raises KernelError, OSError.
    """
    if not os.path.isdir(place):
        return os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    started = records.read_started(place)
    if started is None:
        raise KernelError("setns", _ESRCH, place)
    fd = os.open(f"/proc/{started.pid}/ns/{_FILES[flag]}", os.O_RDONLY | os.O_CLOEXEC)
    # Looked at with the descriptor in hand: the pid may have been another process's by then.
    if not process.is_alive(started.pid, started.ticks, started.boot):
        os.close(fd)
        raise KernelError("setns", _ESRCH, place)
    return fd


def fit(ready: Sandbox, joins: list[tuple[int, int]]) -> Sandbox:
    """What stands ready, made to fit the user namespace that is joined, if one is. Raises KernelError, OSError."""
    for flag, fd in joins:
        if flag == process.CLONE_NEWUSER:
            return sandbox.for_user_namespace(ready, fd, _first_id(fd))
    return ready


def _first_id(user_namespace: int) -> int:
    """Whom root of the user namespace is on the host, as a process in it shows to others (user_namespaces(7))."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    helper = os.fork()
    if helper == 0:
        ours.close()
        _help(user_namespace, theirs)
    theirs.close()
    ours.recv(16)
    with open(f"/proc/{helper}/uid_map") as file:
        maps = [line.split() for line in file]
    ours.close()
    os.waitpid(helper, 0)
    return next((int(outside) for inside, outside, _ in maps if inside == "0"), 0)


def _help(user_namespace: int, asker: _socket.socket) -> NoReturn:
    """The helper's life: it is in the user namespace until somebody has looked."""
    try:
        process.setns(user_namespace, process.CLONE_NEWUSER)
        asker.send(b"in")
        asker.recv(16)
    finally:
        os._exit(0)


def enter(plan: Plan, ready: Sandbox, joins: list[tuple[int, int]]) -> int:
    """Enter what is there already; returns the CLONE_NEW* flags of what the kernel is still to make.

    After this the process may have no rights outside the container's user namespace any more. Raises KernelError.
    """
    wanted = plan.clone_flags
    for flag, fd in joins:
        process.setns(fd, flag)
    if wanted & process.CLONE_NEWUSER:
        made = {
            process.CLONE_NEWUSER: ready.user,
            process.CLONE_NEWNET: ready.net,
            process.CLONE_NEWIPC: ready.ipc,
            process.CLONE_NEWUTS: ready.uts,
        }
        for flag, fd in made.items():
            if wanted & flag:
                process.setns(fd, flag)
                wanted &= ~flag
    elif plan.endpoints:
        process.setns(ready.net, process.CLONE_NEWNET)
        wanted &= ~process.CLONE_NEWNET
    if plan.time_offsets is not None:
        _make_time_namespace(plan.time_offsets)
    return wanted


def ticks_ahead(joins: list[list[Any]]) -> int:
    """How many clock ticks later than to the host a process seems to have started, to who has entered these namespaces.

    /proc tells everybody times by his own clocks (time_namespaces(7)).
    """
    if all(flag != process.CLONE_NEWTIME for flag, _ in joins):
        return 0
    with open("/proc/self/timens_offsets") as file:
        offsets = [line.split() for line in file]
    seconds = next((int(whole) for clock, whole, _ in offsets if clock == "boottime"), 0)
    return seconds * os.sysconf("SC_CLK_TCK")


def _make_time_namespace(offsets: str) -> None:
    """The next child is the first process in it; the offsets cannot be changed any more then (time_namespaces(7))."""
    process.unshare(process.CLONE_NEWTIME)
    if offsets:
        program.write("/proc/self/timens_offsets", offsets.encode())
