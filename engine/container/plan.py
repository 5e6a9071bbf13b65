"""Compiles an OCI bundle into the plan that a shim and the container's first process carry out step by step.

All thinking happens here, in the engine, so that nothing on the start path parses, decides or looks anything up. A plan
is plain data: which mounts are made in which order can be read, and tested, without root.
"""

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cgroups import Cgroup, Hierarchy, evidence
from engine.container import mount_steps, namespaces, settings, writable_groups
from engine.container.log_plan import USUAL, Settings
from engine.container.mount_steps import MountPlan
from engine.container.seccomp_filter import compile_filter
from engine.errors import InvalidSpec, Unsupported
from engine.launcher.messages import Birth, Plan, Root, pack_birth
from engine.launcher.messages import Process as PlanProcess
from engine.rootfs import Snapshot, takes_many_layers
from engine.spec import default_sysctls, mount_options
from engine.spec.defaults import STORAGE_BYTES
from engine.spec.runtime import Capabilities, Spec
from engine.sys import capabilities, mount, names, process

_TERMINAL_SIZE = [24, 80]


def make(
    container_id: str,
    spec: Spec,
    *,
    run: int,
    folder: Path,
    layers: Sequence[Path],
    observed: Path,
    cgroup: Cgroup,
    hierarchies: list[Hierarchy],
    volumes: Path | None = None,
    opens_stdin: bool = False,
    restarts: int = 0,
    endpoints: Sequence[list[Any]] = (),
    deadline: float = 0,
    care: bytes = b"",
    other_runtime: Sequence[str] = (),
    hooks: bytes = b"",
    preserved_fds: int = 0,
    has_keyring: bool = True,
    log: Settings = USUAL,
) -> Plan:
    """The plan for one run of the bundle in `folder`, its root an overlay over `layers`, top-most first.

    Without layers the root is the bundle's own folder for it.
    `opens_stdin` gives it a standard input that can be written to. `volumes` is the folder of this host's volumes;
    `restarts` runs before this one were brought by the restart policy; `endpoints`, `deadline`, `care` and `hooks` are
    `Plan`'s.
    """
    mounts = prepare(spec, hierarchies, folder, volumes)
    made = {namespace.type for namespace in spec.linux.namespaces if not namespace.path}
    birth = Birth(
        rootfs=str(folder / spec.root.path),
        machine=os.uname().machine,
        hostname=spec.hostname if "uts" in made else "",
        steps=mounts.steps,
        join=list(cgroup.join),
        unshare=namespaces.entered_late(spec.linux),
        process=process_of(spec, preserved_fds=preserved_fds, has_keyring=has_keyring),
        seccomp=compile_filter(spec.linux.seccomp) if spec.linux.seccomp else b"",
    )
    return Plan(
        id=container_id,
        run=run,
        folder=str(folder),
        observed=str(observed),
        clone_flags=namespaces.new(spec.linux),
        is_terminal=spec.process.terminal,
        opens_stdin=opens_stdin,
        search_path=next((entry[5:] for entry in spec.process.env if entry.startswith("PATH=")), ""),
        cgroup_v2=cgroup.v2_folder,
        delegates_group=volumes is not None and writable_groups.are_delegated(spec, hierarchies),
        cgroups=list(cgroup.folders),
        oom_file=cgroup.oom_file,
        memory_limits=list(cgroup.memory_limits),
        evidence=evidence.places(cgroup, hierarchies),
        restarts=restarts,
        restart_ms=0,
        oom_kills=0,
        log=log,
        root=_root(Snapshot(folder), layers, spec) if layers else _own_root(folder, spec),
        sources=mounts.sources,
        devices=mounts.devices,
        joins=namespaces.joined(spec.linux, folder.parent),
        endpoints=list(endpoints),
        unpublish=[],
        time_offsets=settings.time_offsets(spec.linux) if "time" in made else None,
        deadline=deadline,
        care=care,
        other_runtime=list(other_runtime),
        hooks=hooks,
        birth=pack_birth(birth),
    )


def _root(snapshot: Snapshot, layers: Sequence[Path], spec: Spec) -> Root:
    return Root(
        lower=[str(layer) for layer in layers],
        layers=os.path.commonpath(layers),
        folder=str(snapshot.folder),
        by_context=takes_many_layers(),
        propagation=0,
        has_quota=STORAGE_BYTES in spec.annotations,
    )


def _own_root(folder: Path, spec: Spec) -> Root:
    """Cut off from the host's mounts, but for news of them to a bundle that wants those."""
    is_slave = spec.linux.rootfs_propagation.endswith("slave")
    propagation = mount.MS_SLAVE if is_slave else mount.MS_PRIVATE
    return Root([str(folder / spec.root.path)], "", "", False, propagation, has_quota=False)


def prepare(spec: Spec, hierarchies: list[Hierarchy], bundle: Path, volumes: Path | None = None) -> MountPlan:
    """All that is done in the new root, in order: mounts, devices, masks, and last the root made read-only."""
    made = mount_steps.prepare(spec, hierarchies, bundle, volumes)
    new = namespaces.new(spec.linux)
    stood_ready = new & process.CLONE_NEWUSER  # and the network with it, loopback up and its usual settings set
    if new & process.CLONE_NEWNET and not stood_ready:
        made.steps.append(["loopback_up"])
    is_foreign = volumes is None
    made.steps += settings.of_namespaces(spec, default_sysctls.OF_OWN_IDS if stood_ready and not is_foreign else {})
    made.steps.append(["make_cwd", spec.process.cwd])
    mount_steps.hide(made, spec)
    if spec.root.readonly:
        made.steps.append(["read_only_root"])
    if spec.linux.rootfs_propagation not in ("", "private", "rprivate"):  # which it is anyway
        kind = mount_options.propagation(spec.linux.rootfs_propagation)
        made.steps.append(["mount", "", "/", "", kind, ""])
    return made


def process_of(spec: Spec, *, preserved_fds: int = 0, has_keyring: bool = True) -> PlanProcess:
    """The bundle's `process` in numbers the kernel takes."""
    what = spec.process
    sets = what.capabilities
    _check_held(sets)
    last = _last_cap()
    return PlanProcess(
        args=list(what.args),
        env=list(what.env),
        cwd=what.cwd,
        uid=what.user.uid,
        gid=what.user.gid,
        groups=list(what.user.additional_gids),
        rlimits=[[_rlimit_number(r.type), _signed(r.soft), _signed(r.hard)] for r in what.rlimits],
        bounding=_mask(sets.bounding if sets else (), last),
        effective=_mask(sets.effective if sets else (), last),
        permitted=_mask(sets.permitted if sets else (), last),
        inheritable=_mask(sets.inheritable if sets else (), last),
        last_cap=last,
        no_new_privileges=what.no_new_privileges,
        oom_score_adj=what.oom_score_adj,
        is_terminal=what.terminal,
        terminal_size=[size.height, size.width] if (size := what.console_size) else _TERMINAL_SIZE,
        ambient=_ambient(sets, last),
        settings=settings.of_process(what, spec.linux, has_keyring=has_keyring),
        filter_flags=settings.filter_flags(spec.linux),
        preserved_fds=preserved_fds,
    )


@functools.cache
def _held() -> int:
    return capabilities.bounding()


@functools.cache
def _last_cap() -> int:
    return capabilities.last_cap()


def _check_held(sets: Capabilities | None) -> None:
    """Nobody can give what he has not (capset(2)): root may lack some itself, in a virtual machine or a container."""
    held = _held()
    wanted = (*sets.permitted, *sets.inheritable) if sets else ()
    missing = [name for name in dict.fromkeys(wanted) if not held >> (names.capability(name) or 0) & 1]
    known = [name for name in missing if (names.capability(name) or 0) <= _last_cap()]
    if known:
        raise Unsupported(
            f"Root of this host lacks {', '.join(known)}, so no container can have it.",
            hint="Leave it out. A virtual machine or container that this host runs in may withhold it.",
        )


def _ambient(sets: Capabilities | None, last: int) -> int:
    """Only what is permitted and inheritable can be ambient (capabilities(7)); many a bundle names more, in vain."""
    if sets is None:
        return 0
    return _mask(sets.ambient, last) & _mask(sets.permitted, last) & _mask(sets.inheritable, last)


def _mask(wanted: tuple[str, ...], last: int) -> int:
    """A bit for each name; capabilities that are newer than this kernel are left out, as it has nothing to guard."""
    mask = 0
    for name in wanted:
        number = names.capability(name)
        if number is None:
            raise InvalidSpec("process.capabilities", f"{name} is not a capability")
        mask |= 1 << number if number <= last else 0
    return mask


def _rlimit_number(kind: str) -> int:
    number: int = names.RLIMITS[kind.removeprefix("RLIMIT_").lower()]
    return number


def _signed(value: int) -> int:
    return -1 if value >= 1 << 63 else value
