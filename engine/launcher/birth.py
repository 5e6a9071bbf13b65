"""Gives birth to a container on behalf of its shim, in a process that ends as soon as the program runs.

The first process is cloned as a sister of this one (CLONE_PARENT), a child of the shim, and everything this one had to
read, make and remember is gone with it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import _socket
import errno
import os
import select
import sys
import time

from engine.errors import KernelError
from engine.launcher import (
    ending,
    failure,
    init,
    link,
    messages,
    namespaces,
    pauses,
    program,
    records,
    room,
    root,
    sandbox,
    sources,
    streams,
)
from engine.launcher.init import Prepared
from engine.launcher.messages import Plan
from engine.launcher.pauses import Pauses
from engine.launcher.sandbox import Sandbox
from engine.launcher.streams import Streams
from engine.logs.writer import take_lock
from engine.sys import disk, memory, process, spawn

_DEATH_MS = 5000
_LULL_S = 0.01
_LOG_S, _PAUSE_S = 5.0, 0.005

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from engine.errors import EngineError
    from engine.launcher.delegation import Delegation
    from engine.launcher.hooked import Outside


def give(launcher: link.Link, shim: _socket.socket) -> NoReturn:
    """Wait for a container to start, start and record it, hand its descriptors over, answer; or record why not."""
    assert launcher.socket is not None  # noqa: S101 - the shim was forked with one
    status = 1
    try:
        ready = sandbox.make()
        if not select.select([launcher.socket.fileno()], (), (), _LULL_S)[0]:  # the last one is just on its way
            memory.own_pages()
        message, descriptors = link.receive(launcher.socket)
        if message:  # else the launcher ended before it had anything to do
            _deliver(descriptors, ready, shim, launcher)
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _deliver(descriptors: list[int], ready: Sandbox, shim: _socket.socket, launcher: link.Link) -> None:
    """`descriptors` are the plan, the shim's lock, the log's if a shim starts its container again, who asks' socket."""
    plan_fd, *locks, reply_fd = descriptors
    reply = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, reply_fd)
    try:
        plan, plan_fd = messages.understand(plan_fd)
    except messages.OtherVersion:
        link.receive(reply)  # else what is said next would be lost
        link.answer(reply, messages.OTHER_VERSION, [])
        return
    # By descriptor: in a user namespace this process has no right to pass through folders that are not root's.
    folder = os.open(plan.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    plan = plan._replace(folder=f"/proc/self/fd/{folder}")
    shim_lock, *logs = locks
    records.name_shim(shim_lock, os.getppid())
    outside: Outside | None = None
    try:
        try:
            log_lock = logs[0] if logs else _take_log(f"{plan.folder}/log")
            prepared, pipes, helper, outside = _prepare(plan, ready)
        finally:
            message, _ = link.receive(reply)
        if message != messages.GO:
            return  # whoever asked is gone, or has found a reason not to start it: nothing has happened yet
        if helper is not None:
            helper.give()
        pid, pidfd, ours = _clone(plan, prepared, pipes, shim, outside)
        kinds, held = "".join(ours), [pidfd, log_lock, ready.lock, *ours.values()]
        # First of all: whoever is killed from now on, the launcher has what another shim needs to see to the program.
        launcher.send(messages.pack(messages.HOLD, pid, kinds), [plan_fd, *held])
        _tell_started(plan, pid, pidfd, outside)
    except KernelError as error:
        if message == messages.GO:
            cause = failure.explain(error.syscall, error.errno, error.path, plan.search_path)
            if not logs:  # else the shim that asked does so, and tries again
                if outside is not None:
                    outside.stopped()
                _record_failure(plan, cause)
            link.answer(reply, messages.pack(messages.FAILED, error.syscall, error.errno, error.path), [])
    else:
        kept = [plan_fd, shim_lock, prepared.root_fd, *held]
        link.send(shim, messages.pack(messages.STARTED, pid, kinds, int(bool(plan.care))), kept)
        link.answer(reply, messages.pack(messages.STARTED, pid), [])
    finally:
        if outside is not None:
            outside.close()


def _tell_started(plan: Plan, pid: int, pidfd: int, outside: Outside | None) -> None:
    """Have poststart hooks run, then write it down: until then, whoever fails or is killed, the program never ran."""
    try:
        if outside is not None:
            outside.started(pid)
        _record_start(plan, pid, pidfd)
    except KernelError:
        _end(pidfd)
        raise


def _record_start(plan: Plan, pid: int, pidfd: int) -> None:
    """Write down which process it is. Where the disk takes no record it may not run: nobody would know of it."""
    ticks = process.start_ticks(pid) - namespaces.ticks_ahead(plan.joins)
    started = records.Started(plan.run, pid, ticks, process.boot_id(), records.now(), plan.restarts)
    try:
        records.write(plan.folder, started)
    except OSError as error:
        raise KernelError("write", error.errno or 0, "started.json") from error


def _end(pidfd: int) -> None:
    process.send_signal(pidfd, _signal.SIGKILL)
    dying = select.poll()
    dying.register(pidfd, select.POLLIN)
    dying.poll(_DEATH_MS)  # else its control groups could not be removed yet


def _record_failure(plan: Plan, error: EngineError) -> None:
    try:
        ending.record_failure(plan, error)
    except OSError as unrecorded:  # the engine, which is told of the failure, may have more luck
        if unrecorded.errno not in disk.ERRORS:
            raise


def _prepare(plan: Plan, ready: Sandbox) -> tuple[Prepared, Streams, Delegation | None, Outside | None]:
    """Do all that need not wait for control groups. Raises KernelError.

    Afterwards this process may have no rights outside the container's user namespace any more.
    """
    joins = namespaces.open_joins(plan.joins)
    ready = namespaces.fit(ready, joins)
    owns_ids = bool(plan.clone_flags & process.CLONE_NEWUSER) or any(flag == process.CLONE_NEWUSER for flag, _ in joins)
    user_namespace = ready.user if owns_ids else root.NOT_SHIFTED
    for device in plan.devices:
        sandbox.add_device(ready, *device)
    root_fd = root.open_root(plan.root, user_namespace, ready.first_id)
    mounts = sources.open_sources(plan.sources, user_namespace, ready.host_mounts) if plan.sources else []
    mounts = sources.open_images(plan.sources, mounts, plan.root, ready.first_id if owns_ids else 0)
    birth = messages.unpack_birth(plan.birth)
    shift = ready.first_id if owns_ids else 0
    pipes = streams.make(plan, shift + birth.process.uid, shift + birth.process.gid)
    prepared = Prepared(birth, owns_ids, root_fd, ready.devices, mounts, flags=0)
    if plan.other_runtime:
        return prepared, pipes, None, None
    outside = _hooks(plan, ready, birth.rootfs, shift) if plan.hooks else None
    helper = _delegate(plan.cgroup_v2, shift) if plan.delegates_group else None
    prepared = place(plan, prepared, ready, joins)
    what = program.drop_bounding(prepared.birth.process)  # while there is time; a birth needs none of what that takes
    return prepared._replace(birth=prepared.birth._replace(process=what)), pipes, helper, outside


def _hooks(plan: Plan, ready: Sandbox, rootfs: str, owner: int) -> Outside:
    from engine.launcher import hooked  # noqa: PLC0415 - as in `_bring`

    return hooked.Outside(plan.hooks, ready.host_mounts, rootfs, owner)


def _wire(plan: Plan, ready: Sandbox) -> Sandbox:
    from engine.launcher import wiring  # noqa: PLC0415 - as in `_bring`

    if not plan.clone_flags & process.CLONE_NEWUSER:
        ready = wiring.with_own_network(ready)
    wiring.connect(plan.endpoints, ready)
    return ready


def _delegate(folder: str, owner: int) -> Delegation:
    from engine.launcher import delegation  # noqa: PLC0415 - as in `_bring`

    return delegation.begin(folder, owner)


def _take_log(folder: str) -> int:
    """Mark the log as live before anyone is told that the program runs: who follows it then finds a run going on.

    The launcher lets go of that of a run whose shim was killed when another shim has been there.
    """
    deadline = time.monotonic() + _LOG_S
    while True:
        try:
            return take_lock(folder)
        except OSError as error:
            if error.errno != errno.EAGAIN or time.monotonic() > deadline:
                raise KernelError("open", error.errno or 0, folder) from error
        time.sleep(_PAUSE_S)


def _clone(
    plan: Plan, prepared: Prepared, pipes: Streams, shim: _socket.socket, outside: Outside | None
) -> tuple[int, int, dict[str, int]]:
    """Clone the first process and wait until its program runs: its pid, pidfd, and the shim's ends of its streams.

    Raises KernelError for the step that failed.
    """
    status, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    ours, small, pidfd = pipes.ours, _make_room(plan), -1
    try:
        if plan.other_runtime:
            pid, pidfd, masters = _bring(plan, prepared, pipes.ends, shim)
        else:
            waiting = pauses.NONE if outside is None else outside.pauses(theirs, status)
            (pid, pidfd), masters = clone(plan, prepared, pipes.ends, theirs, waiting), []
        theirs.close()
        for fd in pipes.ends:
            os.close(fd)
        for master in masters + _await_exec(status, pid, pidfd, outside):
            ours[messages.TERMINAL] = master
    finally:
        room.take_back(small, pidfd)
    return pid, pidfd, ours


def _await_exec(status: _socket.socket, pid: int, pidfd: int, outside: Outside | None) -> list[int]:
    if outside is None:
        return link.await_exec(status)
    try:
        return link.await_exec(status, lambda phase, *where: outside.run(phase, pid, *where))
    except KernelError:
        _end(pidfd)
        raise


def _bring(plan: Plan, prepared: Prepared, ends: list[int], shim: _socket.socket) -> tuple[int, int, list[int]]:
    from engine.launcher import foreign  # noqa: PLC0415 - what few containers need, no launcher carries

    shim.send(messages.ADOPT)
    link.receive(shim)
    return foreign.bring(plan, prepared.root_fd, ends)


def _make_room(plan: Plan) -> list[tuple[str, bytes]]:
    try:
        return room.make(plan.memory_limits, f"{plan.folder}/limits")
    except OSError as error:
        raise KernelError("write", error.errno or 0, " or ".join(plan.memory_limits)) from error


def place(plan: Plan, prepared: Prepared, ready: Sandbox, joins: list[tuple[int, int]]) -> Prepared:
    """Enter the namespaces that are there, having set what only root of the host may set and a child inherits.

    Returns what is left for the first process to do. Raises KernelError.
    """
    if plan.endpoints:
        ready = _wire(plan, ready)
    if prepared.owns_ids:
        what = program.set_as_root(prepared.birth.process)
        prepared = prepared._replace(birth=prepared.birth._replace(process=what))
    return prepared._replace(flags=namespaces.enter(plan, ready, joins))


def clone(
    plan: Plan, prepared: Prepared, ends: list[int], status: _socket.socket, waiting: Pauses = pauses.NONE
) -> tuple[int, int]:
    """Clone the first process, a child of the caller's parent: its pid and pidfd. Where it fails it tells `status`.

    `ends` are the program's of standard output, error and, if it is not /dev/null, input; none to keep the caller's.
    Raises KernelError.
    """
    cgroup_fd = os.open(plan.cgroup_v2, os.O_RDONLY | os.O_CLOEXEC) if plan.cgroup_v2 else -1
    # The process has the engine's memory and the host's descriptors up to execve, and others may be in its pid
    # namespace already, with as many rights as it will have: they are not to look into it (prctl(2)).
    process.prctl(process.PR_SET_DUMPABLE, 0)
    flags = prepared.flags | process.CLONE_PARENT
    if _may_share_memory(plan, prepared.birth.machine, waiting):
        return spawn.spawn(flags, lambda: init.main(prepared, ends, status), cgroup_fd=cgroup_fd)
    pid, pidfd = process.clone(flags, cgroup_fd=cgroup_fd)
    if pid == 0:
        init.main(prepared, ends, status, waiting)
    return pid, pidfd


def _may_share_memory(plan: Plan, machine: str, waiting: Pauses) -> bool:
    """Not with one that others in its namespaces might look into, nor with one that waits for what its parent does.

    Nor with one in another time namespace: older kernels (6.1) answer EINVAL to that.
    """
    fits_group = not plan.cgroup_v2 or spawn.can_spawn_into_group(machine)
    has_own_clocks = plan.time_offsets is not None
    return spawn.is_sound and fits_group and not plan.joins and not has_own_clocks and waiting is pauses.NONE
