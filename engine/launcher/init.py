"""The container's first process, from clone3 to execve: joins its cgroups, makes its root the root, drops every right.

Runs in a fork of the launcher, so it allocates little and imports next to nothing. Whatever fails is told to the shim
over the status socket as FAILED with the call, its errno and the path.
"""

from __future__ import annotations

import os

from engine.launcher import pauses, program, steps
from engine.launcher.messages import Birth, Process
from engine.launcher.named import NamedTuple
from engine.launcher.pauses import Pauses
from engine.sys import mount, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import NoReturn

    from engine.launcher.sources import Opened


class Prepared(NamedTuple):
    """What birth made ready: descriptors of the root, of a `/dev` that fits the user namespace; the plan's sources.

    `owns_ids` tells whether the process has such a user namespace; it is nobody there until it says who it is. `flags`
    are CLONE_NEW* of the namespaces it is cloned into.
    """

    birth: Birth
    owns_ids: bool
    root_fd: int
    devices_fd: int
    sources: list[Opened]
    flags: int


def main(prepared: Prepared, ends: list[int], status: _socket.socket, waiting: Pauses = pauses.NONE) -> NoReturn:
    """Become the container.

    `ends` are the program's of standard output, error and, if it is not /dev/null, input; none to keep what it has.
    """
    try:
        _enter(prepared, ends, status, waiting)
        program.execute(prepared.birth.process)
    except BaseException as error:
        program.tell_failure(status, error)
    finally:
        os._exit(127)


def _enter(prepared: Prepared, ends: list[int], status: _socket.socket, waiting: Pauses) -> None:
    birth = prepared.birth
    process.reset_signals()
    for path in birth.join:
        program.write(path, b"0")
    os.setsid()
    if birth.unshare:  # only now, in its cgroup, does the namespace's root become that cgroup
        process.unshare(birth.unshare)
    program.set_oom_score(birth.process)
    _change_root(prepared, waiting)
    if birth.hostname:
        process.sethostname(birth.hostname)
    program.set_limits(birth.process)
    _connect_stdio(birth.process, ends, status)
    # Before there is a filter: one that knows no close_range(2) would leave two thousand million calls of close(2).
    process.keep_only(status.fileno(), *waiting.descriptors, first=3 + birth.process.preserved_fds)
    program.drop_rights(birth.process, birth.seccomp, birth.machine, waiting)


def _change_root(prepared: Prepared, waiting: Pauses) -> None:
    """Attach the prepared root, pivot into it, and work through the plan's steps before the old root is let go.

    After pivot_root(".", ".") absolute paths, and the symbolic links an image may hold in them, end in the new root;
    the old one stays in the mount tree until the steps are done, as the kernel wants when proc and sysfs are mounted.
    """
    mount.mount("", "/", "", mount.MS_REC | mount.MS_PRIVATE, "")
    old_root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    mount.move_mount(prepared.root_fd, prepared.birth.rootfs)
    waiting.attached()
    os.fchdir(prepared.root_fd)
    mount.pivot_root(".", ".")
    if prepared.owns_ids:
        process.become_root()  # so that what is made belongs to somebody inside
    os.umask(0)
    for name, *arguments in prepared.birth.steps:
        if name in steps.WITH_SOURCE:
            arguments[0] = prepared.sources[arguments[0]]
        elif name == steps.DEVICES:
            arguments.append(prepared.devices_fd)
        steps.STEPS[name](*arguments)
    os.umask(0o022)
    waiting.placed(old_root)
    os.fchdir(old_root)
    mount.umount2(".", mount.MNT_DETACH)
    os.close(old_root)
    os.chdir("/")


def _connect_stdio(what: Process, ends: list[int], status: _socket.socket) -> None:
    if not (what.is_terminal or ends):
        return
    if not what.is_terminal:
        stdout, stderr, *stdin = ends
        os.dup2(stdin[0] if stdin else os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        return
    slave = program.connect_terminal(what, status)
    os.fchown(slave, what.uid, -1)
    steps.attach(
        mount.open_tree_of(slave, mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC, "/dev/console"), "/dev/console"
    )
    for target in (0, 1, 2):
        os.dup2(slave, target)
