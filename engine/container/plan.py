"""Compiles an OCI bundle into the plan that a shim and the container's first process carry out step by step.

All thinking happens here, in the engine, so that nothing on the start path parses, decides or looks anything up. A plan
is plain data: which mounts are made in which order can be read, and tested, without root.
"""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.cgroups import Cgroup, Hierarchy
from engine.container.seccomp_filter import compile_filter
from engine.errors import InvalidSpec
from engine.launcher.messages import Birth, Plan, pack_birth
from engine.launcher.messages import Process as PlanProcess
from engine.spec import defaults
from engine.spec.runtime import Mount, Process, Spec
from engine.sys import capabilities, mount, names, process

_S_IFCHR = 0o020000
_FLAGS = {
    "ro": mount.MS_RDONLY,
    "nosuid": mount.MS_NOSUID,
    "nodev": mount.MS_NODEV,
    "noexec": mount.MS_NOEXEC,
    "strictatime": mount.MS_STRICTATIME,
    "bind": mount.MS_BIND,
    "rbind": mount.MS_BIND | mount.MS_REC,
    "rw": 0,
}
_CLONE = {
    "mount": process.CLONE_NEWNS,
    "pid": process.CLONE_NEWPID,
    "uts": process.CLONE_NEWUTS,
    "ipc": process.CLONE_NEWIPC,
    "network": process.CLONE_NEWNET,
    "cgroup": 0,  # entered by unshare(2), once the process is in its cgroup
}
_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    "/dev/core": "/proc/kcore",
    "/dev/ptmx": "pts/ptmx",
}
_NO_FURTHER = mount.MS_NOSUID | mount.MS_NODEV | mount.MS_NOEXEC

Step = list[Any]


def make(
    container_id: str,
    spec: Spec,
    *,
    run: int,
    folder: Path,
    observed: Path,
    cgroup: Cgroup,
    hierarchies: list[Hierarchy],
) -> Plan:
    """The plan for one run of the bundle in `folder`."""
    kinds = {namespace.type for namespace in spec.linux.namespaces}
    birth = Birth(
        rootfs=str(folder / spec.root.path),
        machine=os.uname().machine,
        hostname=spec.hostname if "uts" in kinds else "",
        steps=steps(spec, hierarchies),
        join=list(cgroup.join),
        process=_process(spec.process),
        seccomp=compile_filter(spec.linux.seccomp) if spec.linux.seccomp else b"",
    )
    return Plan(
        id=container_id,
        run=run,
        folder=str(folder),
        observed=str(observed),
        clone_flags=functools.reduce(lambda flags, kind: flags | _CLONE[kind], kinds, 0),
        is_terminal=spec.process.terminal,
        search_path=next((entry[5:] for entry in spec.process.env if entry.startswith("PATH=")), ""),
        cgroup_v2=cgroup.v2_folder,
        cgroups=list(cgroup.folders),
        oom_file=cgroup.oom_file,
        birth=pack_birth(birth),
    )


def steps(spec: Spec, hierarchies: list[Hierarchy]) -> list[Step]:
    """Everything that is done in the new root, in order: mounts, devices, masks, and last the root made read-only."""
    found: list[Step] = []
    for item in spec.mounts:
        found += _SPECIAL.get(item.type, _mount_steps)(item, hierarchies)
        if item.destination == "/dev":
            found += _device_steps()
    found.append(["make_cwd", spec.process.cwd])
    found += [["mask", path] for path in spec.linux.masked_paths]
    found += [["read_only", path, _NO_FURTHER] for path in spec.linux.readonly_paths]
    if spec.root.readonly:
        found.append(["read_only_root"])
    return found


def _mount_steps(item: Mount, _: list[Hierarchy]) -> list[Step]:
    flags, data = _options(item.options)
    return [["mkdir", item.destination, 0o755], ["mount", item.source, item.destination, item.type, flags, data]]


def _cgroup_steps(item: Mount, hierarchies: list[Hierarchy]) -> list[Step]:
    """What a container sees of its own groups: the v2 tree, or one v1 tree per mount of the host."""
    flags, _ = _options(item.options)
    at = item.destination
    if all(hierarchy.version == 2 for hierarchy in hierarchies):
        return [["mount", "cgroup", at, "cgroup2", flags, ""]]
    found: list[Step] = [["mount", "tmpfs", at, "tmpfs", flags & ~mount.MS_RDONLY, "mode=755,size=0k"]]
    for hierarchy in hierarchies:
        if hierarchy.version == 1:
            inside = f"{at}/{','.join(hierarchy.controllers)}"
            found += [["mkdir", inside, 0o755]]
            found += [["mount", "cgroup", inside, "cgroup", flags, ",".join(hierarchy.controllers)]]
    return [*found, ["mount", "", at, "", mount.MS_REMOUNT | mount.MS_BIND | flags, ""]]


_SPECIAL: dict[str, Callable[[Mount, list[Hierarchy]], list[Step]]] = {"cgroup": _cgroup_steps}


def _options(options: tuple[str, ...]) -> tuple[int, str]:
    """Flags of mount(2), and what is left for the file system; `newinstance` has been devpts' only way since 4.7."""
    flags = functools.reduce(lambda value, option: value | _FLAGS.get(option, 0), options, 0)
    return flags, ",".join(option for option in options if option not in _FLAGS and option != "newinstance")


def _device_steps() -> list[Step]:
    nodes: list[Step] = [
        ["mknod", f"/dev/{name}", _S_IFCHR | 0o666, os.makedev(*numbers)] for name, numbers in defaults.DEVICES.items()
    ]
    return nodes + [["symlink", target, path] for path, target in _LINKS.items()]


def _process(what: Process) -> PlanProcess:
    sets = what.capabilities
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
    )


@functools.cache
def _last_cap() -> int:
    return capabilities.last_cap()


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
