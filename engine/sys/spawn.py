"""Starts a child in this process's own memory: clone(2) with CLONE_VM and CLONE_VFORK, what vfork(2) is for C programs.

A fork copies the tables of every page, and then each page that either side touches; a Python process touches hundreds
before it has done anything. Here nothing is copied: the kernel holds the parent until the child has executed a program
or ended, and meanwhile the child has the memory to itself. It has a stack of its own; the parent's stays as it was.
The interpreter's lock is held all the time (PyDLL), so neither waits for the other; what the child's calls leave behind
in the interpreter are frames nobody returns to. `works` tries whether an interpreter bears that.

A child that is killed leaves the interpreter as it was at that moment. The parent then goes on as if nothing had been,
or dies of it (SIGSEGV, where the lock was let go for a system call), or waits for ever for what the child had, until
SIGALRM ends it. So whoever guards a process that spawns takes its death for a failure of what it was at.

Descriptors, working directory, ids and rights are each one's own, as after a fork. The child must neither return nor
touch what the parent still needs: Python objects it changes stay changed.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import ctypes
import os
import sys

from engine.sys.libc import check
from engine.sys.process import CLONE_INTO_CGROUP, CLONE_PARENT, CLONE_PIDFD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

CLONE_VM = 0x100
CLONE_VFORK = 0x4000
_CLONE3 = 435
_STACK_BYTES = 256 << 10
_LONGEST_S = 60  # as long as an engine waits for a start
_ALIGNMENT = 16
_CSIGNAL = 0xFF
_PROT_READ, _PROT_WRITE = 1, 2
_MAP_PRIVATE, _MAP_ANONYMOUS, _MAP_STACK = 0x2, 0x20, 0x20000

# Made here, once: see `process.clone`. The first function that is made for C costs most: libffi then looks through
# /proc/mounts for SELinux, and each birth would be a process in which it is the first.
_Life = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_CloneArgs = ctypes.c_uint64 * 11  # struct clone_args, up to and with `cgroup`
_TwoWords = ctypes.c_uint64 * 2
_library = ctypes.PyDLL(None, use_errno=True)
_library.clone.argtypes = [_Life, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
_library.syscall.restype = ctypes.c_long
_library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_library.mmap.restype = ctypes.c_long
_pause = ctypes.cast(_library.pause, _Life)

_lives: list[Callable[[], NoReturn]] = []
_child = _Life(lambda _: _live(_lives[-1]))
_child_address = ctypes.cast(_child, ctypes.c_void_p).value or 0


def can_spawn_into_group(machine: str) -> bool:
    """Whether `spawn` takes a `cgroup_fd`: clone3(2) takes no function, but here it can be given one all the same."""
    return machine == "x86_64"


is_sound = False
"""Whether the launcher found that `spawn` works here; every process that is forked from it knows."""


def spawn(flags: int, life: Callable[[], NoReturn], *, cgroup_fd: int = -1) -> tuple[int, int]:
    """Have a child live `life`, in new namespaces and, with `cgroup_fd`, a v2 cgroup; a sister with CLONE_PARENT.

    Returns `(pid, pidfd)` once the child has executed a program or ended. Single-threaded callers only. Raises
    KernelError.
    """
    bottom = _map_stack()
    top = bottom + _STACK_BYTES - 4 * _ALIGNMENT
    _lives.append(life)
    pidfd = ctypes.c_int(-1)
    flags |= CLONE_VM | CLONE_VFORK | CLONE_PIDFD
    flags |= 0 if flags & CLONE_PARENT else _signal.SIGCHLD  # a sister has the caller's own
    # Called by `map`, from C: what calls this has its frames found again by the interpreter, which the child's last
    # ones are not to stand for (PyEval_GetGlobals would look into them, long after they were overwritten).
    _signal.alarm(_LONGEST_S)
    try:
        [pid] = map(_clone, [bottom], [top], [flags], [pidfd], [cgroup_fd])
    finally:
        _signal.alarm(0)
    return pid, pidfd.value


def sleeper(flags: int) -> int:
    """A child in new namespaces that does nothing but keep them: pause(2), until it is killed. Its pid.

    It runs beside its parent in the same memory, but no Python: the interpreter never hears of it. Raises KernelError.
    """
    top = _map_stack() + _STACK_BYTES - 4 * _ALIGNMENT
    return check(_library.clone(_pause, top, flags | CLONE_VM | _signal.SIGCHLD, None, None), "clone")


def _map_stack() -> int:
    """Its lowest address. It stays for good: the interpreter may look once more at the frames it had there.

    Not a buffer of ctypes', which would be filled with zeros, and that takes longer than to clone the child.
    """
    flags = _MAP_PRIVATE | _MAP_ANONYMOUS | _MAP_STACK
    return check(_library.mmap(None, _STACK_BYTES, _PROT_READ | _PROT_WRITE, flags, -1, 0), "mmap")


def _clone(bottom: int, top: int, flags: int, pidfd: ctypes.c_int, group: int) -> int:
    if group < 0:
        return check(_library.clone(_child, top, flags, None, ctypes.byref(pidfd)), "clone")
    return _clone3(bottom, top, flags, pidfd, group)


def _clone3(bottom: int, top: int, flags: int, pidfd: ctypes.c_int, group: int) -> int:
    """The same by clone3(2), which makes the child return to whatever its stack says.

    So that says: to the function, as if it had just been called.
    """
    _TwoWords.from_address(top)[:] = [_child_address, 0]
    exit_signal, flags = flags & _CSIGNAL, flags & ~_CSIGNAL | CLONE_INTO_CGROUP
    at = ctypes.addressof(pidfd)
    arguments = _CloneArgs(flags, at, 0, 0, exit_signal, bottom, top - bottom, 0, 0, 0, group)
    size = ctypes.c_size_t(ctypes.sizeof(arguments))
    return check(_library.syscall(ctypes.c_long(_CLONE3), arguments, size), "clone3")


def works() -> bool:
    """Try it once, in a fork, as an interpreter that does not bear it may crash."""
    tried = os.fork()
    if tried == 0:
        pid, pidfd = spawn(0, lambda: os._exit(7))
        os.close(pidfd)
        is_fine = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        is_fine = is_fine and sum([len(str(number)) for number in range(1000)]) == 2890
        is_fine = is_fine and type("Made", (), {}).__module__ == __name__  # by the frame that the interpreter is in
        os._exit(0 if is_fine else 1)
    return os.waitpid(tried, 0)[1] == 0


def _live(life: Callable[[], NoReturn]) -> NoReturn:
    try:
        life()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)
