"""From a process that is where it should be to the program it was made for: limits, rights, working directory, execve.

Both a container's first process (`init.py`) and one that enters a running container (`entering.py`) end here, so both
lose the same rights in the same order.
"""

from __future__ import annotations

import os

from engine.errors import KernelError
from engine.launcher import link, messages, pauses
from engine.launcher.messages import Process
from engine.launcher.pauses import Pauses
from engine.sys import capabilities, process, seccomp, terminal
from engine.sys.libc import syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

_ERRNO_NOT_FOUND = 2
_ALL = -1  # a bit for each capability there will ever be


def set_oom_score(what: Process) -> None:
    """How much the kernel prefers to kill it when memory runs out; while the host's own /proc is there to say so."""
    if what.oom_score_adj is not None:
        write("/proc/self/oom_score_adj", b"%d" % what.oom_score_adj)


def set_limits(what: Process) -> None:
    """The process limits."""
    for number, soft, hard in what.rlimits:
        process.setrlimit(number, soft, hard)


def set_as_root(what: Process) -> Process:
    """Set on this process what its child, root of a user namespace only, could not: it inherits it.

    Hard limits are raised so far that `set_limits` has only to lower them. Returns what is left to be set.
    """
    set_oom_score(what)
    for number, _, hard in what.rlimits:
        process.raise_hard_limit(number, hard)
    for name, *arguments in what.settings:
        if name == AS_ROOT:
            SETTINGS[name](*arguments)
    left = [setting for setting in what.settings if setting[0] != AS_ROOT]
    return what._replace(oom_score_adj=None, settings=left)


def connect_terminal(what: Process, status: _socket.socket) -> int:
    """Take a terminal of the container's own as controlling one; its master goes out over `status`. Returns the slave.

    For a session leader without a terminal.
    """
    master, slave = terminal.open_pair("/dev/pts/ptmx")
    rows, columns = what.terminal_size
    terminal.set_size(master, rows=rows, columns=columns)
    link.send(status, messages.CONSOLE, [master])
    terminal.set_controlling(slave)
    return slave


def drop_bounding(what: Process) -> Process:
    """Let neither this process nor a child ever gain another capability; returns what is left to be done."""
    capabilities.drop_bounding(what.bounding, what.last_cap)
    return what._replace(bounding=_ALL)


def drop_rights(what: Process, filter_program: bytes, machine: str, waiting: Pauses = pauses.NONE) -> None:
    """Become the user, with the capabilities and behind the filter of `what`, in its working directory.

    Whoever is `waiting` has its turns; see there.
    """
    for name, *arguments in what.settings:
        SETTINGS[name](*arguments)
    drop_bounding(what)
    process.prctl(process.PR_SET_KEEPCAPS, 1)
    os.setgroups(what.groups)
    # Without no_new_privs the filter needs CAP_SYS_ADMIN, so it must be in place before that goes.
    is_early = bool(filter_program) and not what.no_new_privileges
    if is_early:
        waiting.ready()
        waiting.filtered(seccomp.load(filter_program, what.filter_flags, machine))
    os.setresgid(what.gid, what.gid, what.gid)
    os.setresuid(what.uid, what.uid, what.uid)
    process.prctl(process.PR_SET_KEEPCAPS, 0)
    # Once more, as some hosts let the memory of who changes his ids be looked into (proc_sys_fs(5), suid_dumpable).
    process.prctl(process.PR_SET_DUMPABLE, 0)
    capabilities.capset(what.effective, what.permitted, what.inheritable)
    if what.ambient:
        capabilities.raise_ambient(what.ambient, what.last_cap)
    _chdir(what.cwd)
    if not is_early:
        waiting.ready()
    waiting.stripped()
    if what.no_new_privileges:
        process.prctl(process.PR_SET_NO_NEW_PRIVS, 1)
        if filter_program:
            waiting.filtered(seccomp.load(filter_program, what.filter_flags, machine))


def execute(what: Process) -> None:
    """execve the program; without a slash it is looked for in the container's own PATH. Raises KernelError.

    No descriptor is open on a folder of the host's any more: a program could be named by a way over it
    (`/proc/self/fd/9/../bin/sh`).
    """
    env = environment(what)
    found = _ERRNO_NOT_FOUND
    for path in candidates(what.args[0], env):
        try:
            os.execve(path, what.args, env)  # noqa: S606 - to run a program is the point
        except OSError as error:
            # As execvp(3): go on looking, but remember that something was there and could not be run.
            if error.errno not in (_ERRNO_NOT_FOUND, 20):
                found = error.errno or found
    raise KernelError("execve", found, what.args[0])


def environment(what: Process) -> dict[str, str]:
    """Its variables by name."""
    return dict(entry.split("=", 1) for entry in what.env)


def candidates(name: str, env: dict[str, str]) -> list[str]:
    """Where the program may be: a name without a slash is looked for in PATH, as execvp(3) does."""
    return [name] if "/" in name else [f"{part or '.'}/{name}" for part in env.get("PATH", "").split(":")]


def tell_failure(status: _socket.socket, error: BaseException) -> None:
    """Say over `status` as FAILED what kept the program from running: the call, its errno and the path."""
    if isinstance(error, KernelError):
        said = (error.syscall, error.errno, error.path)
    elif isinstance(error, OSError):
        said = ("open", error.errno or 0, error.filename or "")
    else:
        said = ("init", 0, repr(error))
    status.send(messages.pack(messages.FAILED, *said))


def write(path: str, data: bytes) -> None:
    """Write to a file of the kernel's. Raises KernelError when it refuses, OSError when there is none."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    except OSError as error:
        raise KernelError("write", error.errno or 0, path) from None
    finally:
        os.close(fd)


AS_ROOT = "syscall_as_root"
"""The setting that only root of the host may make, and that a child inherits."""

SETTINGS: dict[str, Callable[..., object]] = {"syscall": syscall, AS_ROOT: syscall, "write": write}
"""By name, what a plan may ask to be set of the process: umask, scheduling and the like are plain system calls."""


def _chdir(path: str) -> None:
    """Go to the working directory, unless it lies outside the root.

    /proc/self/fd/N leads to whatever folder a descriptor is open on, also one of the host's. The kernel gives a folder
    that cannot be reached from the root no path.
    """
    try:
        os.chdir(path)
        os.getcwd()
    except OSError as error:
        raise KernelError("chdir", error.errno or 0, path) from None
