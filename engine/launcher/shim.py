"""One container's guardian: gives birth to it, keeps its output in the log, and writes down how it ended.

Forked from the launcher, single-threaded, asleep in poll(2) unless there is output. It outlives the launcher and
everything above. Should it be killed itself, the launcher, which holds copies of its descriptors, puts another in its
place (`adopt`).
"""

from __future__ import annotations

import _socket
import fcntl
import os
import select
import sys
import time

from engine.errors import EngineError, KernelError
from engine.launcher import failure, init, link, messages, records
from engine.launcher.messages import Plan
from engine.logs.writer import STDERR, STDOUT, LogWriter
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031
_DRAIN_S = 2.0
_RECONNECT_MS = 1000
_REMOVE_TRIES = 50


class Shim:
    """State of one run. `outputs` are the descriptors read for stdout and stderr, one for both with a terminal."""

    def __init__(self, plan: Plan, plan_fd: int, launcher: link.Link) -> None:
        self.plan = plan
        self.plan_fd = plan_fd
        self.launcher = launcher
        self.outputs: dict[int, int] = {}
        self.pid = 0
        self.pidfd = -1
        self.is_parent = True
        self.status: int | None = None
        self.log: LogWriter | None = None

    # Birth

    def start(self, root_fd: int) -> None:
        """Clone the first process and wait until its program runs. Raises KernelError for the step that failed."""
        status, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        writers = (-1, -1) if self.plan.is_terminal else self._open_pipes()
        cgroup_fd = os.open(self.plan.cgroup_v2, os.O_RDONLY | os.O_CLOEXEC) if self.plan.cgroup_v2 else -1
        self.pid, self.pidfd = process.clone3(self.plan.clone_flags, cgroup_fd=cgroup_fd)
        if self.pid == 0:
            init.main(self.plan.birth, root_fd, writers, theirs)
        theirs.close()
        for fd in {*writers, cgroup_fd, root_fd} - {-1}:
            os.close(fd)
        try:
            self._await_exec(status)
        except KernelError:
            os.waitpid(self.pid, 0)
            raise
        finally:
            status.close()

    def _open_pipes(self) -> tuple[int, int]:
        writers = []
        for stream in (STDOUT, STDERR):
            reader, writer = os.pipe2(os.O_CLOEXEC)
            _enlarge(reader)
            self.outputs[reader] = stream
            writers.append(writer)
        return writers[0], writers[1]

    def _await_exec(self, status: _socket.socket) -> None:
        while True:
            message, descriptors = link.receive(status)
            if not message:
                return  # the socket is close-on-exec: the program runs (or its maker was killed, which the pidfd tells)
            word, fields = messages.unpack(message)
            if word == messages.CONSOLE:
                self.outputs[descriptors[0]] = STDOUT
            else:
                raise KernelError(fields[0], int(fields[1]), fields[2])

    # Life

    def open_log(self) -> LogWriter:
        """The log, open before anyone is told that the program runs: whoever follows it then finds a run going on."""
        folder = f"{self.plan.folder}/log"
        try:
            self.log = self.log or LogWriter(folder)
        except OSError as error:
            raise KernelError("open", error.errno or 0, folder) from error
        return self.log

    def watch(self) -> None:
        """Copy output until the container has ended and its pipes are empty, then record the end."""
        log = self.open_log()
        poll = select.poll()
        for fd in self.outputs:
            os.set_blocking(fd, False)
            poll.register(fd, select.POLLIN)
        poll.register(self.pidfd, select.POLLIN)
        self.launcher.watch(poll)
        deadline = None
        while self.outputs or self.status is None:
            for fd, _ in poll.poll(self._timeout_ms(deadline)):
                if fd in self.outputs:
                    self._copy(log, poll, fd)
                elif fd == self.pidfd:
                    poll.unregister(fd)
                    self.status = self._wait()
                    deadline = time.monotonic() + _DRAIN_S
                else:
                    self.launcher.read()
            if not self.launcher.is_connected and self.launcher.connect():
                self.hold()
            if deadline is not None and time.monotonic() > deadline:
                break
        log.mark_end(self.plan.run)
        log.close()

    def _timeout_ms(self, deadline: float | None) -> int | None:
        if deadline is not None:
            return max(0, int((deadline - time.monotonic()) * 1000))
        return None if self.launcher.is_connected else _RECONNECT_MS

    def _copy(self, log: LogWriter, poll: select.poll, fd: int) -> None:
        try:
            if log.copy_from(fd, self.outputs[fd]):
                return
        except BlockingIOError:
            return
        poll.unregister(fd)
        os.close(fd)
        del self.outputs[fd]

    def _wait(self) -> int:
        """The wait status; a shim that took over is not the parent and hears it from the launcher or the kernel."""
        if self.is_parent:
            return os.waitpid(self.pid, 0)[1]
        status = self.launcher.await_exit_status()
        return -1 if status is None and (status := process.exit_status(self.pidfd)) is None else status or 0

    def hold(self) -> None:
        """Give the launcher copies of every descriptor, so that the container survives this process."""
        self.launcher.send(messages.pack(messages.HOLD, self.pid), [self.plan_fd, self.pidfd, *self.outputs])

    # End

    def finish(self) -> None:
        """Write down the end, take the cgroups away, tell the agent, and let the launcher forget this container."""
        assert self.status is not None  # noqa: S101 - watch() returns only then
        self._record(_exit_of(self.plan.run, self.status, _oom_kills(self.plan.oom_file)))

    def fail(self, error: EngineError) -> None:
        """The run never began: record why, with the exit code that a shell would give."""
        code = failure.exit_code_of(error)
        if self.log is not None:
            self.log.mark_end(self.plan.run)
            self.log.close()
        self._record(records.Exit(self.plan.run, code, 0, False, records.now(), error.message))

    def _record(self, end: records.Exit) -> None:
        path = records.write(self.plan.folder, end)
        _remove_cgroups(self.plan.cgroups)
        _announce(self.plan.observed, self.plan.id)
        records.sync(path)
        self.launcher.send(messages.pack(messages.DONE))


def run(plan_fd: int, root_fd: int, reply: _socket.socket, launcher: link.Link) -> NoReturn:
    """The life of a shim for a new run, from the launcher's fork on."""
    _become_shim()
    plan = messages.read_plan(plan_fd)
    records.lock_shim(plan.folder)
    shim = Shim(plan, plan_fd, launcher)
    try:
        shim.open_log()
        shim.start(root_fd)
    except KernelError as error:
        shim.fail(failure.explain(error.syscall, error.errno, error.path, plan.search_path))
        _reply(reply, messages.pack(messages.FAILED, error.syscall, error.errno, error.path))
        os._exit(0)
    started_at = records.now()
    started = records.Started(plan.run, shim.pid, process.start_ticks(shim.pid), process.boot_id(), started_at)
    records.write(plan.folder, started)
    _reply(reply, messages.pack(messages.STARTED, shim.pid))
    shim.hold()
    shim.watch()
    shim.finish()
    os._exit(0)


def adopt(plan_fd: int, pid: int, pidfd: int, outputs: list[int], launcher: link.Link, delay_s: float) -> NoReturn:
    """The life of a shim that takes over a container whose shim was killed."""
    _become_shim()
    time.sleep(delay_s)
    plan = messages.read_plan(plan_fd)
    records.lock_shim(plan.folder)
    shim = Shim(plan, plan_fd, launcher)
    shim.is_parent = False
    shim.pid, shim.pidfd = pid, pidfd
    streams = (STDOUT,) if plan.is_terminal else (STDOUT, STDERR)
    shim.outputs = dict(zip(outputs, streams, strict=False))
    shim.hold()
    shim.watch()
    shim.finish()
    os._exit(0)


def _exit_of(run: int, status: int, oom_kills: int) -> records.Exit:
    if status == -1:
        why = "The end of this run was seen by nobody: shim and launcher were both gone."
        return records.Exit(run, 255, 0, oom_kills > 0, records.now(), why)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    code = 128 + number if number else os.WEXITSTATUS(status)
    return records.Exit(run, code, number, oom_kills > 0, records.now(), "")


def _become_shim() -> None:
    os.setsid()
    process.prctl_name("moorage-shim")


def _enlarge(pipe: int) -> None:
    try:
        fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
    except PermissionError:
        return  # the user's pipe quota is used up; the usual 64 KiB work too


def _oom_kills(path: str) -> int:
    try:
        with open(path) as file:
            fields = dict(line.split() for line in file)
    except FileNotFoundError:
        return 0
    return int(fields.get("oom_kill", 0))


def _remove_cgroups(folders: list[str]) -> None:
    """The last process may take a moment to leave; what stays is taken by the engine's next start or repair."""
    for _ in range(_REMOVE_TRIES):
        folders = [folder for folder in folders if not _rmdir(folder)]
        if not folders:
            return
        time.sleep(0.01)
    print(f"moorage-shim: still in use: {', '.join(folders)}", file=sys.stderr)


def _rmdir(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _announce(path: str, container_id: str) -> None:
    """Name the container to the host agent. Where none listens nothing is lost: it looks at all when it starts."""
    sender = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    sender.settimeout(1)
    try:
        sender.connect(path)
        sender.send(container_id.encode())
    except (FileNotFoundError, ConnectionError, TimeoutError):
        return
    finally:
        sender.close()


def _reply(reply: _socket.socket, message: bytes) -> None:
    """The engine that asked may be gone; the records on disk tell the next one."""
    try:
        reply.send(message)
    except ConnectionError:
        pass
    finally:
        reply.close()
