"""exec: one more program in a container that runs."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from engine.container import entry, plan
from engine.errors import Conflict, InvalidSpec, KernelError, Unsupported
from engine.launcher import entering, failure
from engine.runtime import consoles, run, streams
from engine.runtime.create import write_pid
from engine.runtime.store import Container, Status, Store
from engine.spec import codec
from engine.spec.runtime import Capabilities, Process, Spec, User
from engine.spec.runtime.checks import process as checks
from engine.spec.runtime.checks.seccomp import uses_listener
from engine.sys import ids
from engine.sys import process as kernel

_STOPPED = "cannot exec in a stopped container"


@dataclass(frozen=True)
class Options:
    """What the command line says of the program; `process_file` holds a whole `process` that takes the place of it."""

    args: tuple[str, ...] = ()
    process_file: Path | None = None
    env: tuple[str, ...] = ()
    cwd: str = ""
    user: str = ""
    groups: tuple[int, ...] = ()
    terminal: bool = False
    capabilities: tuple[str, ...] = ()
    no_new_privileges: bool = False
    process_label: str = ""
    apparmor: str = ""
    cgroup: str = ""
    console_socket: str = ""
    pid_file: Path | None = None
    preserved_fds: int = 0
    is_detached: bool = False
    ignores_paused: bool = False


def execute(store: Store, container_id: str, options: Options) -> int:
    """The program's exit code, 0 at once when detached.

    Raises NotFound, Conflict for a container that does not run, InvalidSpec, CommandNotFound, CommandNotExecutable, or
    the KernelError of the step that failed.
    """
    container = store.get(container_id)
    _check_status(store, container, options)
    spec = store.spec(container)
    if spec.linux.seccomp is not None and uses_listener(spec.linux.seccomp):
        raise Unsupported("exec into a container whose calls are left to a seccomp agent is not possible here.")
    wanted = _process(spec.process, options)
    checks.check("process", wanted)
    consoles.check(is_terminal=wanted.terminal, socket_path=options.console_socket, is_detached=options.is_detached)
    if wanted.exec_cpu_affinity is not None and wanted.exec_cpu_affinity.initial:
        os.sched_setaffinity(0, _processors(wanted.exec_cpu_affinity.initial))
    pid, terminal = _enter(store, container, replace(spec, process=wanted), options)
    if wanted.exec_cpu_affinity is not None and wanted.exec_cpu_affinity.final:
        os.sched_setaffinity(pid, _processors(wanted.exec_cpu_affinity.final))
    if terminal is not None and options.console_socket:
        consoles.send(options.console_socket, terminal)
        os.close(terminal)
        terminal = None
    if options.pid_file is not None:
        write_pid(options.pid_file, pid)
    return 0 if options.is_detached else run.wait(pid, terminal)


def _check_status(store: Store, container: Container, options: Options) -> None:
    status = store.status(container)
    if status is Status.PAUSED and options.ignores_paused:
        return
    if status not in (Status.RUNNING, Status.CREATED):
        raise Conflict(f"cannot exec in a {status} container")


def _enter(store: Store, container: Container, spec: Spec, options: Options) -> tuple[int, int | None]:
    first = kernel.pidfd_open(container.pid)
    try:
        if not container.is_alive:
            raise Conflict(_STOPPED)
        made = entry.make(
            store.folder(container.id),
            spec,
            plan.process_of(spec, preserved_fds=options.preserved_fds),
            pid=container.pid,
            cgroup=store.cgroups.find(os.path.join(container.cgroup, options.cgroup.strip("/"))),
            attached=[True, True, True],
        )
        if not spec.process.terminal:
            streams.give(ids.outside("uid", spec.process.user.uid, of=container.pid))
        ends = [] if spec.process.terminal else [os.dup(fd) for fd in (0, 1, 2)]
        begun = entering.Begun(made, first, ends)
        pid, pidfd = begun.await_birth()
        os.close(pidfd)
        begun.go()
        terminals = begun.await_exec()
    except KernelError as error:
        path = next((one[5:] for one in spec.process.env if one.startswith("PATH=")), "")
        raise failure.explain(error.syscall, error.errno, error.path, path) from None
    except (FileNotFoundError, ProcessLookupError):
        if container.is_alive:
            raise
        raise Conflict(_STOPPED) from None
    finally:
        os.close(first)
    return pid, terminals[0] if terminals else None


def _processors(listed: str) -> set[int]:
    """The numbers of `0-3,7`."""
    ends = [part.partition("-") for part in listed.split(",")]
    return {number for first, _, last in ends for number in range(int(first), int(last or first) + 1)}


def _process(own: Process, options: Options) -> Process:
    """The container's own with what the command line says, or the one of the file."""
    if options.process_file is not None:
        try:
            value = json.loads(options.process_file.read_bytes())
        except ValueError as error:
            raise InvalidSpec("process", f"is not a JSON document: {error}") from None
        return codec.from_json(Process, value, oci=True, where="process")
    sets = own.capabilities or Capabilities()
    more = tuple(name for name in options.capabilities if name not in sets.bounding)
    return replace(
        own,
        args=options.args,
        cwd=options.cwd or own.cwd,
        env=(*own.env, *options.env),
        user=_user(own.user, options),
        terminal=options.terminal,
        console_size=None,
        capabilities=replace(
            sets,
            bounding=(*sets.bounding, *more),
            effective=(*sets.effective, *more),
            permitted=(*sets.permitted, *more),
        ),
        no_new_privileges=own.no_new_privileges or options.no_new_privileges,
        apparmor_profile=options.apparmor or own.apparmor_profile,
        selinux_label=options.process_label or own.selinux_label,
    )


def _user(own: User, options: Options) -> User:
    """`uid[:gid]` in numbers, as runc takes it."""
    if not options.user:
        return replace(own, additional_gids=(*own.additional_gids, *options.groups))
    uid, _, gid = options.user.partition(":")
    if not uid.isdecimal() or (gid and not gid.isdecimal()):
        raise InvalidSpec("--user", f"{options.user[:40]!r} is not uid or uid:gid")
    return replace(own, uid=int(uid), gid=int(gid or own.gid), additional_gids=(*own.additional_gids, *options.groups))
