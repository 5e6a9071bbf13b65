"""Finds how this host mounts its control groups, and makes, limits and removes one per container.

v1 mounts each controller somewhere, v2 all of them once, a hybrid host some here and some there. A container's group is
`<parent>/<id>` in each hierarchy that carries a controller wanted here. Sources: cgroups(7), cgroup-v2.rst.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.cgroups import cpu, devices, memory, pids
from engine.errors import KernelError, Unsupported
from engine.spec.runtime import Resources
from engine.sys import bpf

_V1 = {"memory": memory.v1, "cpu": cpu.v1, "pids": pids.v1, "devices": devices.v1, "cpuacct": None, "freezer": None}
_V2 = {"memory": memory.v2, "cpu": cpu.v2, "pids": pids.v2}
_NEEDED_FOR = {"memory": "memory", "cpu": "cpu", "pids": "pids"}


@dataclass(frozen=True)
class Hierarchy:
    """One cgroup mount of the host: `version` 1 or 2 and the controllers that are managed through it."""

    root: Path
    version: int
    controllers: tuple[str, ...]


@dataclass(frozen=True)
class Cgroup:
    """A container's group: its `folders`, the v1 files the first process joins by, the v2 folder it is cloned into."""

    folders: tuple[str, ...]
    join: tuple[str, ...]
    v2_folder: str
    oom_file: str


@dataclass
class CgroupManager:
    """Groups below `<parent>` in every hierarchy of the host, for example `moorage/1f2e3d4c`."""

    parent: str
    hierarchies: Sequence[Hierarchy] = field(default_factory=lambda: find_hierarchies())  # noqa: PLW0108 - defined below
    _prepared: bool = False

    def create(self, name: str, resources: Resources) -> Cgroup:
        """Make the group and set its limits; an emptied one of the same name is replaced.

        Raises Unsupported for a limit whose controller this host lacks, KernelError when the kernel refuses.
        """
        self._refuse_what_is_missing(resources)
        self._prepare_parents()
        cgroup = self.find(name)
        for folder in cgroup.folders:
            _make_fresh(folder)
        for hierarchy in self.hierarchies:
            self._limit(hierarchy, self._folder(hierarchy, name), resources)
        return cgroup

    def find(self, name: str) -> Cgroup:
        """The group's files by name, whether it exists or not."""
        v1 = [self._folder(h, name) for h in self.hierarchies if h.version == 1]
        v2 = [self._folder(h, name) for h in self.hierarchies if h.version == 2]
        counter = {h: "memory.oom_control" if h.version == 1 else "memory.events" for h in self.hierarchies}
        oom = [f"{self._folder(h, name)}/{counter[h]}" for h in self.hierarchies if "memory" in h.controllers]
        return Cgroup((*v1, *v2), tuple(f"{folder}/tasks" for folder in v1), next(iter(v2), ""), next(iter(oom), ""))

    def processes(self, name: str) -> set[int]:
        """Pids of everything in the group."""
        found: set[int] = set()
        for folder in self.find(name).folders:
            try:
                found.update(int(line) for line in Path(folder, "cgroup.procs").read_text().split())
            except FileNotFoundError:
                continue
        return found

    def remove(self, name: str) -> None:
        """Remove the group where it exists. KernelError EBUSY while a process is still in it."""
        for folder in self.find(name).folders:
            _rmdir(folder)

    def names(self) -> set[str]:
        """Every group below the parent."""
        return {
            entry.name
            for hierarchy in self.hierarchies
            if (hierarchy.root / self.parent).is_dir()
            for entry in os.scandir(hierarchy.root / self.parent)
            if entry.is_dir()
        }

    def _folder(self, hierarchy: Hierarchy, name: str) -> str:
        return f"{hierarchy.root}/{self.parent}/{name}"

    def _refuse_what_is_missing(self, resources: Resources) -> None:
        there = {controller for hierarchy in self.hierarchies for controller in hierarchy.controllers}
        for limit, controller in _NEEDED_FOR.items():
            if getattr(resources, limit) is not None and controller not in there:
                raise Unsupported(
                    f"This host has no cgroup controller {controller}, so a {limit} limit cannot be kept.",
                    hint="Enable the controller in the kernel, or create the container without that limit.",
                )

    def _prepare_parents(self) -> None:
        """Make the parents once; on v2 hand the controllers down to them."""
        if self._prepared:
            return
        for hierarchy in self.hierarchies:
            folder = str(hierarchy.root)
            for part in self.parent.split("/"):
                self._delegate(hierarchy, folder)
                folder = f"{folder}/{part}"
                _mkdir(folder)
            self._delegate(hierarchy, folder)
        self._prepared = True

    def _delegate(self, hierarchy: Hierarchy, folder: str) -> None:
        if hierarchy.version == 2 and hierarchy.controllers:
            wanted = " ".join(f"+{controller}" for controller in hierarchy.controllers)
            _write(f"{folder}/cgroup.subtree_control", wanted)

    def _limit(self, hierarchy: Hierarchy, folder: str, resources: Resources) -> None:
        rules = _V1 if hierarchy.version == 1 else _V2
        for controller in hierarchy.controllers:
            writes = rules[controller]
            for name, value in writes(resources) if writes else ():
                _write_limit(f"{folder}/{name}", value)
        if hierarchy.version == 2 and resources.devices and not self._has_v1("devices"):
            _attach_device_program(folder, resources)

    def _has_v1(self, controller: str) -> bool:
        return any(h.version == 1 and controller in h.controllers for h in self.hierarchies)


def find_hierarchies(mountinfo: str | None = None) -> list[Hierarchy]:
    """The host's cgroup mounts from proc_pid_mountinfo(5); one entry per mount that carries something wanted here.

    A v2 mount is left out on hybrid hosts where it carries no controller that v1 does not.
    """
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    found: list[Hierarchy] = []
    taken: set[str] = set()
    for line in sorted(text.splitlines(), key=lambda line: " - cgroup2 " in line):
        before, _, after = line.partition(" - ")
        fstype, _, options = after.split(" ", 2)
        root = Path(before.split()[4].replace("\\040", " "))
        if fstype == "cgroup":
            controllers = tuple(name for name in _V1 if name in options.split(",") and name not in taken)
            version = 1
        elif fstype == "cgroup2":
            offered = _read(root / "cgroup.controllers").split() if mountinfo is None else list(_V2)
            controllers = tuple(name for name in _V2 if name in offered and name not in taken)
            version = 2
        else:
            continue
        if controllers or (version == 2 and not taken):
            found.append(Hierarchy(root, version, controllers))
            taken.update(controllers)
    return found


def _attach_device_program(folder: str, resources: Resources) -> None:
    machine = os.uname().machine
    cgroup = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    program = bpf.load(bpf.PROG_TYPE_CGROUP_DEVICE, devices.v2_program(resources.devices), machine)
    try:
        bpf.attach_to_cgroup(cgroup, program, bpf.CGROUP_DEVICE, machine)
    finally:
        os.close(program)
        os.close(cgroup)


def _write_limit(path: str, value: str) -> None:
    """Set a limit. Those of memory with swap are files only where the kernel counts swap; elsewhere there is none."""
    if path.endswith(("memsw.limit_in_bytes", "memory.swap.max")) and not os.path.exists(path):
        return
    _write(path, value)


def _write(path: str, value: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError("open", error.errno or 0, path) from None
    try:
        os.write(fd, value.encode())
    except OSError as error:
        raise KernelError(f"write {value!r}", error.errno or 0, path) from None
    finally:
        os.close(fd)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _make_fresh(path: str) -> None:
    """An existing group would carry the last run's limits and counters."""
    try:
        os.mkdir(path)
    except FileExistsError:
        _rmdir(path)
        _mkdir(path)
    except OSError as error:
        raise KernelError("mkdir", error.errno or 0, path) from None


def _mkdir(path: str) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    except OSError as error:
        raise KernelError("mkdir", error.errno or 0, path) from None


def _rmdir(path: str) -> None:
    """Remove a group and those a container made inside it, deepest first."""
    for folder, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise KernelError("rmdir", error.errno or 0, folder) from None
