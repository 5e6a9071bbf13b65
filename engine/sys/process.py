"""Processes and namespaces: clone3(2), unshare(2), prctl(2), pidfds, process start times."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import ctypes
import fcntl
import os
import resource
import struct
import time

from engine.sys.libc import check, libc, syscall

CLONE_NEWTIME = 0x00000080
CLONE_FS = 0x00000200
CLONE_FILES = 0x00000400
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_PIDFD = 0x1000
CLONE_PARENT = 0x8000
CLONE_INTO_CGROUP = 0x200000000

PR_SET_DUMPABLE = 4
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

_CLONE3 = 435
_CLONE = {"x86_64": 56, "aarch64": 220}
_RT_SIGACTION = {"x86_64": 13, "aarch64": 134}
_LAST_FD = 0x7FFFFFFF
_NOFILE = resource.getrlimit(resource.RLIMIT_NOFILE)
_PIDFD_GET_INFO = 0xC040FF0B  # _IOWR(0xFF, 11, struct pidfd_info as first published, 64 bytes)
_PIDFD_INFO_EXIT = 1 << 3
_REAPED_S = 2.0

libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
libc.sethostname.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


# Made here, once: making a type in a fork touches fifty pages it shares with the launcher.
_CloneArgs = ctypes.c_uint64 * 11  # struct clone_args, up to and with `cgroup`


def clone(flags: int = 0, *, cgroup_fd: int = -1) -> tuple[int, int]:
    """clone3(2) as a fork, into new namespaces and, with `cgroup_fd`, a v2 cgroup; a sister with CLONE_PARENT.

    Returns `(pid, pidfd)` in the parent and `(0, -1)` in the child. Single-threaded callers only: Python's own fork
    hooks do not run.
    """
    pidfd = ctypes.c_int(-1)
    flags |= CLONE_PIDFD | (CLONE_INTO_CGROUP if cgroup_fd >= 0 else 0)
    exit_signal = 0 if flags & CLONE_PARENT else _signal.SIGCHLD  # a sister has the caller's own
    arguments = _CloneArgs(flags, ctypes.addressof(pidfd), 0, 0, exit_signal, 0, 0, 0, 0, 0, max(cgroup_fd, 0))
    pid = syscall("clone3", _CLONE3, arguments, ctypes.sizeof(arguments))
    return pid, pidfd.value


def fork_sister(machine: str) -> tuple[int, int]:
    """clone(2) as a fork with the caller's own parent, for a caller whose seccomp filter knows no clone3(2).

    Returns and conditions as of `clone`.
    """
    pidfd = ctypes.c_int(-1)
    # A register each, in this order on both: flags, stack, where the pidfd goes, and two that are not used.
    pid = syscall("clone", _CLONE[machine], FORK_SISTER, None, ctypes.byref(pidfd), None, None)
    return pid, pidfd.value


FORK_SISTER = CLONE_PARENT | CLONE_PIDFD
"""The flags that `fork_sister` calls clone(2) with."""


def setns(fd: int, flags: int) -> None:
    """setns(2): enter the namespace behind `fd`, or those of the process behind a pidfd; `flags` are CLONE_NEW*."""
    check(libc.setns(fd, flags), "setns")


def unshare(flags: int) -> None:
    """unshare(2)."""
    check(libc.unshare(flags), "unshare")


def become_root() -> None:
    """Be root of the user namespace one has just been put into, and in none of its other groups."""
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def prctl(option: int, *arguments: int) -> int:
    """prctl(2)."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return check(libc.prctl(option, *padded), f"prctl {option}")


def sethostname(name: str) -> None:
    """sethostname(2)."""
    encoded = name.encode()
    check(libc.sethostname(encoded, len(encoded)), "sethostname", name)


def send_signal(pidfd: int, number: int) -> None:
    """pidfd_send_signal(2), to a process that may have ended by now."""
    try:
        _signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return


def kill_children() -> None:
    """SIGKILL to every child of this single-threaded process; none where the kernel does not list them (proc(5))."""
    pid = os.getpid()
    try:
        listed = _read(f"/proc/{pid}/task/{pid}/children")
    except FileNotFoundError:
        return
    for child in listed.split():
        os.kill(int(child), _signal.SIGKILL)


def kill_group(pid: int) -> None:
    """SIGKILL to every process of the group that `pid` began, or with 0 of the caller's own; there may be none."""
    try:
        os.killpg(pid, _signal.SIGKILL)
    except ProcessLookupError:
        return


def reap_all() -> None:
    """Wait for every child to end."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def set_name(name: bytes) -> None:
    """Call this process `name`, at most 15 bytes (proc_pid_comm(5))."""
    fd = os.open(b"/proc/self/comm", os.O_WRONLY | os.O_CLOEXEC)
    os.write(fd, name)
    os.close(fd)


def keep_only(*descriptors: int, first: int = 3) -> None:
    """Close every descriptor from `first` on but these: in a fork, so that nothing of anybody else's leaks in."""
    for fd in sorted(descriptors):
        os.closerange(first, fd)
        first = max(first, fd + 1)
    os.closerange(first, _LAST_FD)


def setrlimit(number: int, soft: int, hard: int) -> None:
    """setrlimit(2), -1 is unlimited; where raising a hard limit is not allowed, as high as it is.

    Root may lack CAP_SYS_RESOURCE (in a container, in some virtual machines).
    """
    try:
        resource.setrlimit(number, (soft, hard))
    except (ValueError, PermissionError):
        most = resource.getrlimit(number)[1]
        resource.setrlimit(number, (min(soft, most) if soft >= 0 else most, most))


def raise_nofile() -> None:
    """Have as many descriptors as the hard limit allows: the soft one is 1024 by habit, for the sake of select(2)."""
    hard = _NOFILE[1]
    _limit_nofile(hard, hard)


def restore_nofile() -> None:
    """In a fork: the limits this process began with, which a program that is executed is to have."""
    _limit_nofile(*_NOFILE)


def _limit_nofile(soft: int, hard: int) -> None:
    """Set both, or what the host allows by now: fs.nr_open may have become less than a limit given out before."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except ValueError:
        most = int(_read("/proc/sys/fs/nr_open"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, most), min(hard, most)))


def raise_hard_limit(number: int, hard: int) -> None:
    """Let the hard limit be at least `hard` (-1 is unlimited), as far as that is allowed; the soft one stays."""
    soft, now = resource.getrlimit(number)
    if now >= 0 and (hard < 0 or hard > now):
        setrlimit(number, soft, hard)


def reset_signals() -> None:
    """Default action for every signal: what is ignored stays ignored across execve(2), and Python ignores SIGPIPE."""
    for number in range(1, _signal.NSIG):
        if _signal.getsignal(number) == _signal.SIG_IGN:
            _signal.signal(number, _signal.SIG_DFL)


def reset_internal_signals(machine: str) -> None:
    """The same for the two signals the C library keeps for itself and whose action it lets nobody set.

    Its posix_spawn(3) has them ignored in what it starts, so a launcher started by make(1) would pass that on.
    """
    default = bytes(32)  # struct sigaction of rt_sigaction(2): SIG_DFL, no flags, an empty mask
    for number in (32, 33):
        syscall("rt_sigaction", _RT_SIGACTION[machine], number, default, None, 8)


def start_ticks(pid: int) -> int:
    """When `pid` was started, in clock ticks since boot (proc(5), stat field 22); 0 when there is no such process.

    A pid together with this number names a process for the life of the boot.
    """
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def exit_status(pidfd: int) -> int | None:
    """The wait status of a process that has ended and was reaped by someone else; None where the kernel cannot tell.

    ioctl PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15 and newer. Waits a moment for the other to reap it.
    """
    deadline = time.monotonic() + _REAPED_S
    while True:
        info = bytearray(64)
        struct.pack_into("<Q", info, 0, _PIDFD_INFO_EXIT)
        try:
            fcntl.ioctl(pidfd, _PIDFD_GET_INFO, info)
        except OSError:
            return None
        mask, status = struct.unpack_from("<Q", info, 0)[0], struct.unpack_from("<i", info, 60)[0]
        if mask & _PIDFD_INFO_EXIT:
            return int(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)


def boot_id() -> str:
    """The kernel's random id of this boot."""
    return _read("/proc/sys/kernel/random/boot_id").decode().strip()


def is_alive(pid: int, ticks: int, boot: str) -> bool:
    """Whether the process that was `pid` with `start_ticks` `ticks` in boot `boot` still lives."""
    if pid <= 0 or boot != boot_id():
        return False
    fields = _stat(pid)
    return bool(fields) and int(fields[19]) == ticks and fields[0] not in (b"Z", b"X")


def _stat(pid: int) -> list[bytes]:
    """proc_pid_stat(5) from the third field on; empty when there is no such process."""
    try:
        return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def pidfd_open(pid: int) -> int:
    """pidfd_open(2); ProcessLookupError when there is no such process."""
    return os.pidfd_open(pid)
