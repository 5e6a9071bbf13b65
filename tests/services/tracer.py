"""Kills one process of several at its Nth step, by ptrace(2): nothing is built in for it, and any two steps are enough.

A step is a system call that leaves something behind should its process die there. The tracer is a process of its own,
as it waits for whatever the traced ones do.
"""

import ctypes
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NoReturn

from engine.sys.syscalls import syscall_number

_SYSCALL, _GET_EVENT_MESSAGE, _SEIZE, _INTERRUPT = 24, 0x4201, 0x4206, 0x4207  # PTRACE_*
_LISTEN, _GET_SYSCALL_INFO = 0x4208, 0x420E
_OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10  # TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, TRACEEXEC
_EVENT_NEW, _EVENT_EXEC, _EVENT_STOP = (1, 2, 3), 4, 128
_ENTRY = 1
_WALL = 0x40000000
_SYSTEM_CALL_STOP = signal.SIGTRAP | 0x80
_STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)

_STEPS = (
    "openat openat2 mkdir mkdirat rename renameat renameat2 unlink unlinkat rmdir symlink symlinkat link linkat mknodat"
    " write pwrite64 ftruncate chown fchown fchownat lchown chmod fchmod fchmodat setxattr"
    " mount umount2 open_tree move_mount fsmount fsconfig mount_setattr pivot_root chroot"
    " clone clone3 fork vfork execve exit_group setns unshare setresuid seccomp prctl flock fcntl"
    " bind connect accept4 sendmsg sendto recvmsg kill pidfd_send_signal wait4 waitid memfd_create"
).split()
_CREATES = {"openat": 2}
"""Of these calls only those that may create or truncate count; the argument that says so."""

CHILDREN = {"launcher": "next shim", "birth": "first", "exec shim": "entering", "entering": "first"}
"""What a process that one of this role brings forth is."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


@dataclass
class Blow:
    """What came of it: the system call that the victim died at, empty as long as it lives."""

    reader: int
    fell_at: str = ""

    def look(self, *, timeout_s: float = 0) -> str:
        """`fell_at`, by now."""
        end = time.monotonic() + timeout_s
        while not self.fell_at:
            with suppress(BlockingIOError):
                self.fell_at = os.read(self.reader, 100).decode()
            if time.monotonic() >= end:
                break
            time.sleep(0.002)
        return self.fell_at


@contextmanager
def killing(roles: Mapping[int, str], victim: str, step: int) -> Iterator[Blow]:
    """For the time of the block, kill the first process of role `victim` that comes to its step number `step` (from 1).

    `roles` are the processes to begin with; what they bring forth is by `CHILDREN`. Raises RuntimeError where the
    kernel lets nobody trace.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    ready, its_ready = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        _trace(_Tracer(dict(roles), victim, step, writer), its_ready)
    os.close(writer)
    os.close(its_ready)
    try:
        if not os.read(ready, 1):
            raise RuntimeError("the processes cannot be traced")
        os.set_blocking(reader, False)
        yield Blow(reader)
    finally:
        os.kill(pid, signal.SIGKILL)  # whom it traced goes on
        os.waitpid(pid, 0)
        os.close(reader)
        os.close(ready)


@dataclass
class _Tracer:
    roles: dict[int, str]
    victim: str
    step: int
    report: int
    waiting: set[int] = field(default_factory=set)
    steps: dict[int, int] = field(default_factory=dict)

    def follow(self) -> None:
        """Let everybody go on from stop to stop, until the blow."""
        while True:
            pid, status = os.waitpid(-1, _WALL)
            if os.WIFSTOPPED(status):
                self._stopped(pid, os.WSTOPSIG(status), status >> 16)

    def _stopped(self, pid: int, number: int, event: int) -> None:
        if pid not in self.roles:
            self.waiting.add(pid)  # until whoever brought it forth says so
        elif number == _SYSTEM_CALL_STOP:
            self._at_call(pid)
        elif event in _EVENT_NEW:
            self._bear(pid)
        elif event == _EVENT_EXEC:
            self.roles[pid] = "program"
            _go_on(pid)
        elif event == _EVENT_STOP and number in _STOPS:
            _ptrace(_LISTEN, pid)
        else:
            _go_on(pid, 0 if event else number)

    def _at_call(self, pid: int) -> None:
        if self.roles[pid] == self.victim and (name := _step_of(pid)):
            self.steps[pid] = self.steps.get(pid, 0) + 1
            if self.steps[pid] == self.step:
                os.kill(pid, signal.SIGKILL)
                os.write(self.report, name.encode())
                os._exit(0)
        _go_on(pid)

    def _bear(self, pid: int) -> None:
        message = ctypes.c_ulong()
        _ptrace(_GET_EVENT_MESSAGE, pid, 0, ctypes.addressof(message))
        child = message.value
        self.roles[child] = CHILDREN.get(self.roles[pid], "other")
        if child in self.waiting:
            self.waiting.remove(child)
            _go_on(child)
        _go_on(pid)


def _trace(tracer: _Tracer, ready: int) -> NoReturn:
    try:
        for pid in tracer.roles:
            _ptrace(_SEIZE, pid, 0, _OPTIONS)
            _ptrace(_INTERRUPT, pid)  # else it would come by here at a signal only
            os.waitpid(pid, _WALL)
            _go_on(pid)
        os.write(ready, b"r")
        tracer.follow()
    except OSError as error:
        print(error, file=sys.stderr, flush=True)
    finally:
        os._exit(1)


def _go_on(pid: int, number: int = 0) -> None:
    with suppress(ProcessLookupError):  # killed meanwhile
        _ptrace(_SYSCALL, pid, 0, number)


def _step_of(pid: int) -> str:
    """The name of the step that the process is about to take; empty if it is none, or already taken."""
    info = bytearray(88)
    view = (ctypes.c_char * len(info)).from_buffer(info)
    with suppress(ProcessLookupError):
        _ptrace(_GET_SYSCALL_INFO, pid, len(info), ctypes.addressof(view))
    kind, arch, _, _, number, *arguments = struct.unpack("<B3xIQQQ6Q", info[:80])
    if kind != _ENTRY:
        return ""
    name = _names(arch).get(number, "")
    if name in _CREATES and not arguments[_CREATES[name]] & (os.O_CREAT | os.O_TRUNC):
        return ""
    return name


_known: dict[int, dict[int, str]] = {}


def _names(arch: int) -> dict[int, str]:
    if arch not in _known:
        numbers = {name: syscall_number(name, arch) for name in _STEPS}
        _known[arch] = {number: name for name, number in numbers.items() if number is not None}
    return _known[arch]


def _ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> int:
    result: int = _libc.ptrace(request, pid, address, data)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of process {pid}: {os.strerror(ctypes.get_errno())}")
    return result
