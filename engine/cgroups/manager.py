"""Makes, limits, freezes, empties and removes one control group per container, in every hierarchy of this host.

A group is named by its path: absolute below the root of each hierarchy, or relative to this manager's own parent, as
the runtime specification has it of `linux.cgroupsPath`.
"""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.cgroups import control_files, devices, features, freezer, limits, realtime
from engine.cgroups.hierarchies import Hierarchy, find_hierarchies
from engine.cgroups.parents import Parents
from engine.errors import InvalidSpec, KernelError, Unsupported
from engine.spec.runtime import Resources

_EMPTYING_S = 5.0
_EBUSY = 16


@dataclass(frozen=True)
class Cgroup:
    """A container's group: its `folders`, the v1 files the first process joins by, the v2 folder it is cloned into.

    `oom_file` counts `oom_kill`; `memory_limits` are the files that limit memory, in the order in which they may grow.
    """

    folders: tuple[str, ...]
    join: tuple[str, ...]
    v2_folder: str
    oom_file: str
    memory_limits: tuple[str, ...] = ()


@dataclass
class CgroupManager:
    """Groups of this host; those without a parent of their own are below `parent`, for example `moorage/1f2e3d4c`."""

    parent: str
    hierarchies: Sequence[Hierarchy] = field(default_factory=find_hierarchies)

    def __post_init__(self) -> None:
        self._parents = Parents(self.hierarchies)

    @property
    def counts_swap(self) -> bool:
        """Whether this kernel can limit swap per group."""
        return features.counts_swap(self.hierarchies)

    def features(self) -> features.Features:
        """What the groups of this host can do."""
        return features.probe(self.hierarchies)

    def check(self, resources: Resources) -> None:
        """Raise Unsupported, or InvalidSpec, for limits that no group of this host could have."""
        self._place("x", resources)
        devices.check(resources.devices, version=1 if self.folder_with("devices", "x") else 2)

    def exists(self, path: str) -> bool:
        """Whether there is such a group in any hierarchy."""
        return any(os.path.isdir(folder) for folder in self.find(path).folders)

    def create(self, path: str, resources: Resources) -> Cgroup:
        """Make the group and set its limits; an emptied one at the same path is replaced.

        Raises Unsupported for a limit this host cannot keep, KernelError when the kernel refuses one.
        """
        placed = self._place(path, resources)
        self._parents.prepare(os.path.dirname(self._absolute(path)))
        cgroup = self.find(path)
        for folder in cgroup.folders:
            control_files.make_fresh_folder(folder)
        self._reserve_realtime(path, resources)
        limits.apply(placed)
        if resources.devices:
            self._set_devices(path, resources)
        return cgroup

    def update(self, path: str, before: Resources, after: Resources) -> None:
        """Take the group's limits from `before` to `after`; if one is refused, all stay. Raises as `create`."""
        old, new = self._place(path, before), self._place(path, after)
        self._check_before_update(path, after)
        self._reserve_realtime(path, after)
        limits.change(old, new)
        if before.devices == after.devices:
            return
        try:
            self._change_devices(path, before, after)
        except BaseException:
            limits.change(new, old)
            raise

    def find(self, path: str) -> Cgroup:
        """The group's files, whether it exists or not."""
        v1 = [self._folder(h, path) for h in self.hierarchies if h.version == 1]
        v2 = [self._folder(h, path) for h in self.hierarchies if h.version == 2]
        memory = self.folder_with("memory", path)
        counter = f"{memory[0]}/{'memory.oom_control' if memory[1] == 1 else 'memory.events'}" if memory else ""
        join = tuple(f"{folder}/tasks" for folder in v1)
        return Cgroup((*v1, *v2), join, next(iter(v2), ""), counter, self._memory_limits(memory))

    def _memory_limits(self, memory: tuple[str, int] | None) -> tuple[str, ...]:
        if memory is None:
            return ()
        folder, version = memory
        if version == 2:
            return (f"{folder}/memory.max",)
        with_swap = (f"{folder}/memory.memsw.limit_in_bytes",) if self.counts_swap else ()
        return (*with_swap, f"{folder}/memory.limit_in_bytes")

    def folder_with(self, controller: str, path: str) -> tuple[str, int] | None:
        """The group's folder in the hierarchy that carries the controller, and that hierarchy's version."""
        for hierarchy in self.hierarchies:
            if controller in hierarchy.controllers:
                return self._folder(hierarchy, path), hierarchy.version
        return None

    def v2_folder(self, path: str) -> str:
        """The group's folder in the v2 hierarchy, empty on a host that has none."""
        return next((self._folder(h, path) for h in self.hierarchies if h.version == 2), "")

    def processes(self, path: str) -> set[int]:
        """Pids of everything in the group and in those made inside it."""
        found: set[int] = set()
        for top in self.find(path).folders:
            for folder, _, _ in os.walk(top):
                found.update(int(line) for line in control_files.read(f"{folder}/cgroup.procs").split())
        return found

    def freeze(self, path: str) -> None:
        """Let everything in the group stand still. Raises KernelError, Unsupported without a freezer."""
        found = self._freezer(path)
        if found is None:
            raise Unsupported("This host has no cgroup freezer, so containers cannot be paused.")
        freezer.freeze(*found)

    def thaw(self, path: str) -> None:
        """Let everything in the group run on; a group that is gone, or never was frozen, is left alone."""
        if found := self._freezer(path):
            freezer.thaw(*found)

    def is_frozen(self, path: str) -> bool:
        """Whether everything in the group stands still."""
        found = self._freezer(path)
        return found is not None and freezer.is_frozen(*found)

    def kill(self, path: str) -> None:
        """Send SIGKILL to everything in the group, frozen or not, until nothing is left in it or 5 s are over."""
        killer = f"{self.v2_folder(path)}/cgroup.kill"
        if os.path.exists(killer):  # Linux 5.14: all at once, so that nothing forks its way out
            control_files.write(killer, "1")
        deadline = time.monotonic() + _EMPTYING_S
        while (pids := self.processes(path)) and time.monotonic() < deadline:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.thaw(path)
            time.sleep(0.01)

    def remove(self, path: str) -> None:
        """Remove the group, and those made inside it, where it exists. KernelError EBUSY while a process is in it."""
        for folder in self.find(path).folders:
            control_files.remove_folder(folder)

    def names(self) -> set[str]:
        """Every group right below this manager's parent."""
        return {
            entry.name
            for hierarchy in self.hierarchies
            if (hierarchy.root / self.parent).is_dir()
            for entry in os.scandir(hierarchy.root / self.parent)
            if entry.is_dir()
        }

    def _absolute(self, path: str) -> str:
        if ".." in path.split("/") or not path.strip("/"):
            raise InvalidSpec("linux.cgroupsPath", f"{path!r} is not the path of a control group")
        return os.path.normpath(path if path.startswith("/") else f"/{self.parent}/{path}")

    def _folder(self, hierarchy: Hierarchy, path: str) -> str:
        return f"{hierarchy.root}{self._absolute(path)}"

    def _place(self, path: str, resources: Resources) -> limits.Placed:
        return limits.place(self.hierarchies, lambda hierarchy: self._folder(hierarchy, path), resources)

    def _freezer(self, path: str) -> tuple[str, int] | None:
        """The folder and version that freeze the group."""
        if folder := self.v2_folder(path):
            return folder, 2
        return self.folder_with("freezer", path)

    def _reserve_realtime(self, path: str, resources: Resources) -> None:
        for hierarchy in self.hierarchies:
            if hierarchy.version == 1 and "cpu" in hierarchy.controllers:
                realtime.reserve(str(hierarchy.root), self._folder(hierarchy, path), resources)

    def _check_before_update(self, path: str, after: Resources) -> None:
        """What `checkBeforeUpdate` asks for: v1 refuses a limit below what is in use, v2 kills to meet it."""
        found, memory = self.folder_with("memory", path), after.memory
        if memory is None or not memory.check_before_update or not memory.limit or found is None or found[1] == 1:
            return
        usage = control_files.read_number(f"{found[0]}/memory.current") or 0
        if 0 < memory.limit < usage:
            raise KernelError(
                f"set {memory.limit}", _EBUSY, f"{found[0]}/memory.max", hint=f"{usage} bytes are in use."
            )

    def _set_devices(self, path: str, resources: Resources) -> None:
        v1 = self.folder_with("devices", path)
        if v1 is not None:
            devices.set_v1(v1[0], resources.devices)
        elif folder := self.v2_folder(path):
            devices.set_v2(folder, resources.devices)
        else:
            raise Unsupported("This host has no cgroup controller devices, so device rules cannot be kept.")

    def _change_devices(self, path: str, before: Resources, after: Resources) -> None:
        v1 = self.folder_with("devices", path)
        if v1 is not None:
            devices.change_v1(v1[0], before.devices, after.devices)
        else:
            devices.set_v2(self.v2_folder(path), after.devices)
