"""Guards one program that was started in a running container: who asked is told how it ended, and so is the disk.

Forked from the launcher for this program, asleep until it ends. The program's input and output never pass through
here: their other ends are the caller's. Should this process be killed, the launcher puts another in its place, as with
a container's shim.
"""

from __future__ import annotations

import _socket
import os
import select
import time

from engine.errors import KernelError
from engine.launcher import ending, entering, failure, link, messages, records
from engine.launcher.messages import Entry
from engine.sys import disk, memory, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_SIGKILL = 9
_RECONNECT_MS = 1000
UNSEEN_END = "The end of this program was seen by nobody, so its exit code is not known."


class ExecShim:
    """State of one program. `container` is a pidfd of the first process, `reply` the socket of whoever asked."""

    def __init__(self, entry_fd: int, pid: int, descriptors: list[int], launcher: link.Link) -> None:
        self.entry_fd = entry_fd
        self.pid = pid
        self.pidfd, self.container, reply_fd = descriptors
        self.reply = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, reply_fd)
        self.launcher = launcher
        self.is_parent = True

    def hold(self) -> None:
        """Give the launcher copies of every descriptor, so that the program's end is told without this process."""
        held = [self.entry_fd, self.pidfd, self.container, self.reply.fileno()]
        self.launcher.send(messages.pack(messages.HOLD_EXEC, self.pid, ""), held)

    def record_start(self) -> None:
        """Write down which process is the program's. Where that cannot be it is ended, and KernelError raised."""
        folder, boot = messages.place_of_entry(self.entry_fd)
        started = records.Started(0, self.pid, process.start_ticks(self.pid), boot, records.now(), 0)
        try:
            records.write(folder, started)
        except OSError as error:
            process.send_signal(self.pidfd, _SIGKILL)
            raise KernelError("write", error.errno or 0, "started.json") from error

    def tell_started(self, terminal: list[int]) -> None:
        """Tell whoever asked for the program that it runs; `terminal` is its master, if it has one."""
        link.answer(self.reply, messages.pack(messages.STARTED, self.pid), terminal)

    def watch(self) -> int:
        """Sleep until the program has ended; its wait status. It does not outlive the container's first process."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        poll.register(self.container, select.POLLIN)
        self.launcher.watch(poll)
        while True:
            for fd, _ in poll.poll(None if self.launcher.is_connected else _RECONNECT_MS):
                if fd == self.pidfd:
                    return self._wait()
                if fd == self.container:
                    poll.unregister(fd)
                    process.send_signal(self.pidfd, _SIGKILL)
                else:
                    self.launcher.read()
            if not self.launcher.is_connected and self.launcher.connect():
                self.hold()

    def finish(self, status: int) -> None:
        """Write down the end and tell whoever asked for the program."""
        folder, _ = messages.place_of_entry(self.entry_fd)
        code = ending.code_of(status)
        _record_end(folder, code, UNSEEN_END if status == -1 else "")
        link.answer(self.reply, messages.pack(messages.EXITED, code), [])
        self.launcher.send(messages.pack(messages.DONE))

    def _wait(self) -> int:
        if self.is_parent:
            return os.waitpid(self.pid, 0)[1]
        return self.launcher.exit_status_of(self.pidfd)


def run(launcher: link.Link) -> NoReturn:
    """The life of an exec shim: stand ready, start a program in a container, guard it to its end."""
    os.setsid()
    assert launcher.socket is not None  # noqa: S101 - it was forked with one
    memory.own_pages()  # 5 MB as long as the program runs: seldom long, and what waits for it is a person
    message, descriptors = link.receive(launcher.socket)
    if message:  # else the launcher ended before there was anything to do
        entry_fd, container, *ends, reply_fd = descriptors
        _guard(entry_fd, container, ends, reply_fd, launcher)
    os._exit(0)


def _guard(entry_fd: int, container: int, ends: list[int], reply_fd: int, launcher: link.Link) -> None:
    try:
        entry = messages.read_entry(entry_fd)
    except messages.OtherVersion:
        _refuse(reply_fd, messages.OTHER_VERSION, launcher)
        return
    try:
        begun = entering.Begun(entry, container, ends)
        records.lock_shim(entry.folder, os.getpid())  # while that is under way
        pid, pidfd = begun.await_birth()
        shim = ExecShim(entry_fd, pid, [pidfd, container, reply_fd], launcher)
        shim.hold()
        begun.go()
        shim.record_start()  # while the program is on its way
        terminal = begun.await_exec()
    except KernelError as error:
        _tell_failure(entry, error, reply_fd, launcher)
        return
    shim.tell_started(terminal)
    for fd in (*ends, *terminal):
        os.close(fd)
    shim.finish(shim.watch())


def _tell_failure(entry: Entry, error: KernelError, reply_fd: int, launcher: link.Link) -> None:
    cause = failure.explain(error.syscall, error.errno, error.path, entry.search_path)
    _record_end(entry.folder, failure.exit_code_of(cause), cause.message)
    _refuse(reply_fd, messages.pack(messages.FAILED, error.syscall, error.errno, error.path), launcher)


def _refuse(reply_fd: int, answer: bytes, launcher: link.Link) -> None:
    reply = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, reply_fd)
    link.answer(reply, answer, [])
    process.reap_all()
    launcher.send(messages.pack(messages.DONE))


def _record_end(folder: str, code: int, why: str) -> None:
    """Write the end down. On a full disk it is told all the same, to whoever asked for the program."""
    try:
        records.write_json(f"{folder}/exit.json", {"exit_code": code, "finished_at": records.now(), "error": why})
    except OSError as error:
        if error.errno not in disk.ERRORS:
            raise


def adopt(
    entry_fd: int, pid: int, _kinds: str, descriptors: list[int], launcher: link.Link, delay_s: float
) -> NoReturn:
    """The life of an exec shim that takes over a program whose exec shim was killed, perhaps in mid-start."""
    os.setsid()
    time.sleep(delay_s)
    folder, _ = messages.place_of_entry(entry_fd)
    if not os.path.isdir(folder):  # the container was removed, and all that was known of its programs with it
        launcher.send(messages.pack(messages.DONE))
        os._exit(0)
    records.lock_shim(folder, os.getpid())
    shim = ExecShim(entry_fd, pid, descriptors, launcher)
    shim.is_parent = False
    shim.hold()
    if not os.path.exists(f"{folder}/started.json"):
        try:  # noqa: SIM105 - contextlib is not for a shim to carry
            shim.record_start()
        except KernelError:
            pass  # it has been ended
    shim.tell_started([])  # perhaps for a second time
    shim.finish(shim.watch())
    os._exit(0)
