"""create: everything of a container is there, and its program waits for `start`."""

import os
import signal
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from engine.cgroups import Cgroup
from engine.container import namespaces, plan
from engine.errors import EngineError
from engine.launcher import hooks, messages, room
from engine.launcher.messages import Plan
from engine.runtime import birth, bundles, consoles, resctrl, sockets, streams
from engine.runtime.diary import Diary
from engine.runtime.gate import Gate
from engine.runtime.store import Container, Status, Store, state
from engine.spec.runtime import Hooks, Linux, Spec
from engine.spec.runtime.checks.seccomp import uses_listener


@dataclass(frozen=True)
class Options:
    """What the command line says beside the bundle. `preserved_fds` descriptors above stderr go to the program."""

    console_socket: str = ""
    pid_file: Path | None = None
    has_keyring: bool = True
    preserved_fds: int = 0
    is_detached: bool = True


def create(
    store: Store, diary: Diary, container_id: str, bundle: Path, options: Options
) -> tuple[Container, int | None]:
    """The container, and its terminal's master if nobody got that by `--console-socket`.

    Raises Conflict for an id that is taken, InvalidSpec for the first field of the bundle that is wrong, Unsupported
    for what this host cannot do, or the error of the step or hook that failed; nothing is left of the container then.
    """
    bundle = bundle.resolve()
    spec = bundles.read(bundle, diary)
    consoles.check(
        is_terminal=spec.process.terminal, socket_path=options.console_socket, is_detached=options.is_detached
    )
    path = bundles.groups_path(spec, container_id, store.cgroups.parent)
    spec = replace(spec, linux=replace(spec.linux, cgroups_path=path))
    container = store.add(container_id, bundle, path, spec.to_json())
    with ExitStack() as undo:
        undo.callback(store.remove, container)
        if spec.linux.intel_rdt is not None:
            resctrl.find()
        if not store.cgroups.exists(path):
            undo.callback(store.cgroups.remove, path)
        cgroup = store.cgroups.create(path, bundles.with_usual_devices(spec.linux.resources))
        undo.callback(_undo, store, diary, container, spec)
        container, terminal = _bring(store, container, spec, cgroup, options)
        undo.callback(_kill, container.pid)
        if (rdt := spec.linux.intel_rdt) is not None:
            resctrl.join(resctrl.find(), container_id, rdt, container.pid)
            if not rdt.clos_id:
                undo.callback(resctrl.leave, resctrl.find(), container_id)
        if terminal is not None and options.console_socket:
            consoles.send(options.console_socket, terminal)
            os.close(terminal)
            terminal = None
        if options.pid_file is not None:
            write_pid(options.pid_file, container.pid)
        undo.pop_all()
    return container, terminal


def write_pid(path: Path, pid: int) -> None:
    """In one rename: whoever waits for the file finds the whole number in it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(str(pid))
    fresh.rename(path)


def _bring(
    store: Store, container: Container, spec: Spec, cgroup: Cgroup, options: Options
) -> tuple[Container, int | None]:
    made = _plan(store, container, spec, cgroup, options)
    wanted = spec.hooks or Hooks()
    what = messages.unpack_birth(made.birth).process
    known = state(container, spec, Status.CREATING)
    has_agent = spec.linux.seccomp is not None and uses_listener(spec.linux.seccomp)

    def run_hooks(pid: int) -> None:
        hooks.run("prestart", wanted.prestart, known | {"pid": pid})
        hooks.run("createRuntime", wanted.create_runtime, known | {"pid": pid})

    if not spec.process.terminal:
        streams.give(_outside(spec))
    small = room.make(made.memory_limits)
    with sockets.listening(store.gate(container.id)) as door:
        pid, terminal = birth.bring(
            made,
            _maps(spec.linux),
            lambda status: Gate(status, door, wanted, known, spec.root.path, has_agent, what),
            run_hooks,
        )
    return store.set_process(container, pid, tuple((path, text.decode()) for path, text in small)), terminal


def _outside(spec: Spec) -> int:
    """The host's id of the process's user; root's for one that is nobody outside."""
    uid = spec.process.user.uid
    for item in spec.linux.uid_mappings:
        if item.container_id <= uid < item.container_id + item.size:
            return item.host_id + uid - item.container_id
    return 0 if spec.linux.uid_mappings else uid


def _maps(linux: Linux) -> birth.Maps:
    """The maps of a user namespace that is made for the container (user_namespaces(7))."""
    if not namespaces.owns_ids(linux):
        return birth.Maps(b"", b"", 0)
    uid_map, gid_map = (
        "".join(f"{item.container_id} {item.host_id} {item.size}\n" for item in mappings).encode()
        for mappings in (linux.uid_mappings, linux.gid_mappings)
    )
    root = next((item.host_id for item in linux.uid_mappings if item.container_id == 0), 0)
    return birth.Maps(uid_map, gid_map, root)


def _plan(store: Store, container: Container, spec: Spec, cgroup: Cgroup, options: Options) -> Plan:
    return plan.make(
        container.id,
        spec,
        run=1,
        folder=Path(container.bundle),
        layers=(),
        observed=Path(),
        cgroup=cgroup,
        hierarchies=list(store.cgroups.hierarchies),
        preserved_fds=options.preserved_fds,
        has_keyring=options.has_keyring,
    )


def _undo(store: Store, diary: Diary, container: Container, spec: Spec) -> None:
    store.cgroups.kill(container.cgroup)
    store.cgroups.remove(container.cgroup)
    run_poststop(diary, container, spec)


def run_poststop(diary: Diary, container: Container, spec: Spec) -> None:
    """Run every poststop hook; what fails is told and keeps none from running (runtime.md, "Lifecycle")."""
    known = state(container, spec, Status.STOPPED)
    for index, hook in enumerate(spec.hooks.poststop if spec.hooks else ()):
        try:
            hooks.run_one(f"poststop hook #{index} ({hook.path})", hook, known)
        except EngineError as error:
            diary.warning(error.message)


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
