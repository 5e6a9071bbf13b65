"""Gives birth to a container on behalf of its shim, in a process that ends as soon as the program runs.

The first process is cloned as a sister of this one (CLONE_PARENT), a child of the shim, and everything this one had to
read, make and remember is gone with it.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import sys

from engine.errors import KernelError
from engine.launcher import ending, failure, init, link, messages, pauses, program, records, root, sources
from engine.launcher.messages import Plan
from engine.launcher.pauses import Pauses
from engine.logs.writer import take_lock
from engine.sys import network, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031
_EARLY = {
    "net": process.CLONE_NEWNET,
    "ipc": process.CLONE_NEWIPC,
    "uts": process.CLONE_NEWUTS,
    "pid": process.CLONE_NEWPID,  # the next child is the first process in it
}


def give(launcher: link.Link, shim: _socket.socket) -> NoReturn:
    """Wait for a container to start, start and record it, hand its descriptors over, answer; or record why not."""
    assert launcher.socket is not None  # noqa: S101 - the shim was forked with one
    try:
        outside = _make_namespaces()
        message, descriptors = link.receive(launcher.socket)
        if message:  # else the launcher ended before it had anything to do
            plan_fd, reply_fd = descriptors
            _deliver(plan_fd, reply_fd, outside, shim, launcher)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)


def _make_namespaces() -> dict[int, int]:
    """Make the namespaces that nearly every container wants while there is time: a network takes the kernel a while.

    Returns, by CLONE_NEW* flag, descriptors of those outside, for a container that does not want its own.
    """
    outside = {flag: os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name, flag in _EARLY.items()}
    process.unshare(sum(outside))
    network.loopback_up()
    return outside


def _deliver(plan_fd: int, reply_fd: int, outside: dict[int, int], shim: _socket.socket, launcher: link.Link) -> None:
    plan = messages.read_plan(plan_fd)
    shim_lock = records.lock_shim(plan.folder, os.getppid())
    reply = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, reply_fd)
    try:
        try:
            log_lock = _take_log(f"{plan.folder}/log")
            mounts = [root.open_root(plan.root), *(sources.open_source(*source) for source in plan.sources)]
        finally:
            message, _ = link.receive(reply)
        if message != messages.GO:
            return  # whoever asked is gone, or has found a reason not to start it: nothing has happened yet
        pid, pidfd, outputs = _clone(plan, mounts, outside)
    except KernelError as error:
        if message == messages.GO:
            cause = failure.explain(error.syscall, error.errno, error.path, plan.search_path)
            ending.record_failure(plan, cause)
            link.answer(reply, messages.pack(messages.FAILED, error.syscall, error.errno, error.path), [])
        return
    ticks, boot = process.start_ticks(pid), process.boot_id()
    records.write(plan.folder, records.Started(plan.run, pid, ticks, boot, records.now(), plan.restarts))
    held = [pidfd, log_lock, *outputs]
    link.send(shim, messages.pack(messages.STARTED, pid), [plan_fd, shim_lock, *held])
    launcher.send(messages.pack(messages.HOLD, pid), [plan_fd, *held])
    link.answer(reply, messages.pack(messages.STARTED, pid), [])


def _take_log(folder: str) -> int:
    """Mark the log as live before anyone is told that the program runs: who follows it then finds a run going on."""
    try:
        return take_lock(folder)
    except OSError as error:
        raise KernelError("open", error.errno or 0, folder) from error


def _clone(plan: Plan, mounts: list[int], outside: dict[int, int]) -> tuple[int, int, list[int]]:
    """Clone the first process and wait until its program runs: its pid, pidfd, and the read ends of its output.

    `mounts` are descriptors of the root and of the plan's sources. Raises KernelError for the step that failed.
    """
    status, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    pipes = [] if plan.is_terminal else [_pipe(), _pipe()]
    pid, pidfd = clone(plan, mounts, outside, [writer for _, writer in pipes], theirs)
    theirs.close()
    for fd in mounts:
        os.close(fd)
    for _, writer in pipes:
        os.close(writer)
    terminal = link.await_exec(status)
    return pid, pidfd, terminal or [reader for reader, _ in pipes]


def clone(
    plan: Plan,
    mounts: list[int],
    outside: dict[int, int],
    outputs: list[int],
    status: _socket.socket,
    waiting: Pauses = pauses.NONE,
) -> tuple[int, int]:
    """Clone the first process, a child of the caller's parent: its pid and pidfd. Where it fails it tells `status`.

    `outside` are the namespaces the caller has left, for a container that does not want its own.
    """
    cgroup_fd = os.open(plan.cgroup_v2, os.O_RDONLY | os.O_CLOEXEC) if plan.cgroup_v2 else -1
    for flag, fd in outside.items():
        if not plan.clone_flags & flag:
            process.setns(fd, flag)
    if plan.time_offsets is not None:
        _make_time_namespace(plan.time_offsets)
    pid, pidfd = process.clone(process.CLONE_PARENT | plan.clone_flags & ~sum(outside), cgroup_fd=cgroup_fd)
    if pid == 0:
        init.main(plan.birth, mounts, outputs, status, waiting)
    return pid, pidfd


def _make_time_namespace(offsets: str) -> None:
    """The next child is the first process in it; the offsets cannot be changed any more then (time_namespaces(7))."""
    process.unshare(process.CLONE_NEWTIME)
    if offsets:
        program.write("/proc/self/timens_offsets", offsets.encode())


def _pipe() -> tuple[int, int]:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        fcntl.fcntl(reader, _F_SETPIPE_SZ, _PIPE_BYTES)
    except PermissionError:
        return reader, writer  # the user's pipe quota is used up; the usual 64 KiB work too
    return reader, writer
