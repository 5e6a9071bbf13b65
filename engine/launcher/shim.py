"""One container's guardian: keeps its output in the log, and writes down how it ended.

Forked from the launcher, single-threaded, asleep in poll(2) unless there is output. It outlives the launcher and
everything above. Should it be killed itself, the launcher, which holds copies of its descriptors, puts another in its
place (`adopt`).

What it does not do itself costs no memory while it sleeps: the birth of the container is the work of a child
(`birth.py`) that ends at once, and plan and log are opened when something is to be written.
"""

from __future__ import annotations

import _socket
import os
import select
import time

from engine.launcher import birth, ending, groups, link, messages, records, succession
from engine.launcher.care import Care
from engine.logs.opening import open_log
from engine.logs.writer import STDERR, STDOUT
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from engine.logs.driver import Writer

_GRACE_S, _DRAIN_S = 0.05, 2.0
_RECONNECT_MS = 1000
_BIRTH_S = 0.02
_TRIES = 10
_SIGKILL = 9
_PIDFD_AT = 3  # in what birth sends, behind plan, lock and root
_NO_ROOT = -1
_NO_CARE = b"\x000"  # how STARTED ends for a container that needs none
_LOGGED = {messages.STDOUT: STDOUT, messages.STDERR: STDERR, messages.TERMINAL: STDOUT}


class Shim:
    """State of one run. `streams` are this end of the program's input and output, and what each is, by descriptor.

    `root` is the container's: when the last who has it open lets go of it, the kernel writes all that was changed on
    the file system behind it, by whomever, and that would be the first process, whose end somebody waits for.
    """

    __slots__ = (
        "care",
        "ids_lock",
        "is_parent",
        "launcher",
        "lock",
        "log",
        "log_lock",
        "outputs",
        "pid",
        "pidfd",
        "plan_fd",
        "root",
        "status",
        "streams",
    )  # fmt: skip

    def __init__(
        self, plan_fd: int, lock: int, root: int, pid: int, kinds: str, descriptors: list[int], launcher: link.Link
    ) -> None:
        self.plan_fd = plan_fd
        self.lock = lock
        self.root = root
        self.pid = pid
        self.pidfd, self.log_lock, self.ids_lock, *streams = descriptors
        self.streams = dict(zip(streams, kinds, strict=True))
        self.outputs = {fd: _LOGGED[kind] for fd, kind in self.streams.items() if kind in _LOGGED}
        self.launcher = launcher
        self.is_parent = True
        self.status: int | None = None
        self.log: Writer | None = None
        self.care: Care | None = None

    def open_log(self) -> Writer:
        """The container's log, opened at its first use."""
        if self.log is None:
            plan = messages.read_plan(self.plan_fd)
            self.log = open_log(plan.log, f"{plan.folder}/log", self.log_lock)
        return self.log

    def watch(self) -> None:
        """Copy output until the container has ended and its pipes are empty."""
        poll = select.poll()
        for fd in self.outputs:
            os.set_blocking(fd, False)
            poll.register(fd, select.POLLIN)
        poll.register(self.pidfd, select.POLLIN)
        self.launcher.watch(poll)
        if self.care is not None:
            self.care.act(poll)
        deadline, is_draining = None, False
        while self.outputs or self.status is None:
            for fd, _ in poll.poll(self._timeout_ms(deadline)):
                if fd in self.outputs:
                    self._copy(poll, fd)
                elif fd == self.pidfd:
                    poll.unregister(fd)
                    self.status = self._wait()
                    deadline = time.monotonic() + _GRACE_S
                    if self.care is not None:
                        self.care.close()
                elif self.care is not None and self.care.hears(poll, fd):
                    continue
                elif self.launcher.read() == messages.TAKEN:
                    self._close(messages.STDIN)
            self.reconnect()
            if self.care is not None and self.status is None:
                self.care.act(poll)
            if deadline is not None and time.monotonic() > deadline:
                if is_draining:
                    break
                self._end_others(messages.read_plan(self.plan_fd))  # perhaps they are who holds the pipes
                deadline, is_draining = time.monotonic() + _DRAIN_S, True

    def _timeout_ms(self, deadline: float | None) -> int | None:
        """How long poll may sleep: to the end of the drain, or the next duty of launcher, care and log."""
        due = [] if self.log is None else [self.log.tend()]
        if deadline is not None:
            due.append(max(0, int((deadline - time.monotonic()) * 1000)))
        elif not self.launcher.is_connected:
            due.append(_RECONNECT_MS)
        if deadline is None and self.care is not None:
            due.append(int(self.care.timeout_s() * 1000) + 1)  # never a moment too early: that would be a busy loop
        return min([wait for wait in due if wait is not None], default=None)

    def _copy(self, poll: select.poll, fd: int) -> None:
        try:
            if self.open_log().copy_from(fd, self.outputs[fd]):
                return
        except BlockingIOError:
            return
        poll.unregister(fd)
        del self.outputs[fd]
        self._close(self.streams[fd])

    def _close(self, kind: str) -> None:
        for fd in [fd for fd, its in self.streams.items() if its == kind]:
            os.close(fd)
            del self.streams[fd]

    def _wait(self) -> int:
        """The wait status; a shim that took over is not the parent and hears it from the launcher or the kernel."""
        if self.is_parent:
            return os.waitpid(self.pid, 0)[1]
        return self.launcher.exit_status_of(self.pidfd)

    def reconnect(self) -> None:
        """Look for the launcher's successor, if it is gone."""
        if not self.launcher.is_connected and self.launcher.connect():
            self.hold()

    def hold(self) -> None:
        """Give the launcher copies of every descriptor, so that the container survives this process."""
        held = [self.plan_fd, self.pidfd, self.log_lock, self.ids_lock, *self.streams]
        self.launcher.send(messages.pack(messages.HOLD, self.pid, "".join(self.streams.values())), held)

    def finish(self) -> None:
        """Write down the end, take the cgroups away, tell the agent; or see that the next run follows."""
        plan = messages.read_plan(self.plan_fd)
        self._end_others(plan)
        self.open_log().mark_end(plan.run)
        assert self.status is not None  # noqa: S101 - watch() returns only then
        self.wind_up(plan, ending.record_run(plan, self.status))

    def _end_others(self, plan: messages.Plan) -> None:
        """End what outlived the first process: in a pid namespace of others that took nobody with it."""
        if not plan.clone_flags & process.CLONE_NEWPID:
            groups.empty(plan.cgroups)

    def wind_up(self, plan: messages.Plan, end: records.Exit) -> None:
        """After the end is recorded: bring the next run if one is wanted, else let go of folder and root."""
        self.open_log().settle()
        if end.restart_ms is not None:
            ending.secure(plan)
            self._let_go_of_root()  # the next run mounts it again
        if not succession.bring_next(self, plan, end):
            self.open_log().close()
            records.release_folder(self.lock)
            ending.secure(plan)
            self._let_go_of_root()

    def _let_go_of_root(self) -> None:
        if self.root != _NO_ROOT:
            os.close(self.root)
            self.root = _NO_ROOT


def run(launcher: link.Link) -> NoReturn:
    """The life of a shim: stand ready, take over what its child gave birth to, guard that to its end."""
    os.setsid()
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    child = os.fork()
    if child == 0:
        birth.give(launcher, theirs)
    theirs.close()
    born, descriptors = link.receive(ours)
    if born == messages.ADOPT:  # another runtime is about to start what it leaves behind
        process.prctl(process.PR_SET_CHILD_SUBREAPER, 1)
        ours.send(messages.GO)
        born, descriptors = link.receive(ours)
    if not born:
        _undo(child, launcher)
    if _outlives(ours.fileno(), descriptors):
        os.waitpid(child, 0)
        child = 0
    ours.close()
    if child == 0 and born.endswith(_NO_CARE):
        _sleep(descriptors, launcher)
    plan_fd, lock, root, *held = descriptors
    _, pid, kinds, needs_care = born.split(b"\0")
    shim = Shim(plan_fd, lock, root, int(pid), kinds.decode(), held, launcher)
    if needs_care == b"1":
        shim.care = Care(messages.read_plan(plan_fd), plan_fd, shim.pidfd)
    shim.watch()
    shim.finish()
    if child:
        os.waitpid(child, 0)
    launcher.send(messages.pack(messages.DONE))
    os._exit(0)


def _undo(birth_pid: int, launcher: link.Link) -> NoReturn:
    """Birth has ended without a program to guard, and none is left.

    If it was killed it may have recorded one all the same. So this process ends without a word, and the launcher, if it
    knows of a program, has another shim write down its end. What birth's own helpers had begun ends, too.
    """
    _, status = os.waitpid(birth_pid, 0)
    process.kill_children()
    if status == 0:
        process.reap_all()
        launcher.send(messages.pack(messages.DONE))
        os._exit(0)
    process.kill_group(0)
    os._exit(0)


def _outlives(birth: int, descriptors: list[int]) -> bool:
    """Whether the program goes on after birth has closed its end of the socket `birth`: then that can be waited for.

    It is not waited for otherwise: the kernel takes milliseconds to undo its mounts, and many a program ends sooner.
    """
    return birth in select.select([birth, descriptors[_PIDFD_AT]], (), ())[0]


def _sleep(descriptors: list[int], launcher: link.Link) -> None:
    """Return when there is something to do for the first time: nothing need be made before, and no memory touched."""
    pidfd, _log_lock, _ids_lock, *streams = descriptors[_PIDFD_AT:]
    if launcher.socket is not None:
        select.select([pidfd, launcher.socket.fileno(), *streams], (), ())


def adopt(plan_fd: int, pid: int, kinds: str, descriptors: list[int], launcher: link.Link, delay_s: float) -> NoReturn:
    """The life of a shim that takes over a container whose shim was killed."""
    os.setsid()
    try:
        plan, plan_fd = _understand(plan_fd, launcher)
        lock = _succeed(plan, descriptors[0])
    finally:  # only now: whoever looks sees that somebody guards the container
        time.sleep(delay_s)
    if lock is not None:
        shim = Shim(plan_fd, lock, _NO_ROOT, pid, kinds, descriptors, launcher)
        shim.is_parent = False
        shim.hold()
        if plan.care:
            shim.care = Care(plan, plan_fd, shim.pidfd)
        end = records.read_exit(plan.folder)
        if end is None or end.run < plan.run:
            shim.watch()
            shim.finish()
        else:  # the one before was killed after it had written down the end
            if end.restart_ms is None:
                ending.give_up(plan, end)
            shim.wind_up(plan, end)
    launcher.send(messages.pack(messages.DONE))
    os._exit(0)


def _understand(plan_fd: int, launcher: link.Link) -> tuple[messages.Plan, int]:
    """As `messages.understand`; one of another version waits for the engine to compile it anew."""
    while True:
        try:
            return messages.understand(plan_fd)
        except messages.OtherVersion as error:
            if not os.path.isdir(error.place):  # the container is gone, and nobody will
                launcher.send(messages.pack(messages.DONE))
                os._exit(0)
            time.sleep(_RECONNECT_MS / 1000)


def _succeed(plan: messages.Plan, pidfd: int) -> int | None:
    """The lock of a shim that is gone; None when the next run has begun, which has a shim of its own.

    None too when birth was killed before it could record the process of `pidfd`, which then is no run of anybody's; and
    when the container is being removed or started anew, which nobody was there to keep waiting.
    """
    if not succession.has_begun(plan.folder, plan.run):
        process.send_signal(pidfd, _SIGKILL)
        return None
    tries = 0
    while not succession.has_begun(plan.folder, plan.run + 1):
        lock = records.take_shim_lock(plan.folder, creates=False)
        if lock is not None:
            records.name_shim(lock, os.getpid())
            return lock
        tries += 1
        if tries > _TRIES and not _is_between_runs(plan):
            return None
        time.sleep(_BIRTH_S)  # the killed one had given its lock to a run that is just being born; or somebody looks
    return None


def _is_between_runs(plan: messages.Plan) -> bool:
    """Whether the run has ended and is to be followed by another, as its policy wants it."""
    end = records.read_exit(plan.folder)
    return end is not None and end.run >= plan.run and end.restart_ms is not None
