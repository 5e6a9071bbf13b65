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
from engine.cgroups.places import Places
from engine.errors import KernelError, Unsupported
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

    def features(self) -> features.Features:
        """What the groups of this host can do."""
        return features.probe(self.hierarchies)

    @property
    def counts_swap(self) -> bool:
        """Whether this kernel can limit swap per group."""
        return features.counts_swap(self.hierarchies)

    def places(self, path: str) -> Places:
        """Where the group is, whether it exists or not. Raises InvalidSpec for what is no group's path."""
        return Places.of(self.hierarchies, self.parent, path)

    def find(self, path: str) -> Cgroup:
        """What of the group those who join and end it work with, whether it exists or not."""
        at = self.places(path)
        join = tuple(f"{folder}/tasks" for folder in at.v1)
        memory = at.having("memory")
        if memory is None:
            return Cgroup(at.folders, join, at.v2, "")
        folder, version = memory
        if version == 2:
            return Cgroup(at.folders, join, at.v2, f"{folder}/memory.events", (f"{folder}/memory.max",))
        with_swap = [f"{folder}/memory.memsw.limit_in_bytes"] if self.counts_swap else []
        growing = (*with_swap, f"{folder}/memory.limit_in_bytes")
        return Cgroup(at.folders, join, at.v2, f"{folder}/memory.oom_control", growing)

    def exists(self, path: str) -> bool:
        """Whether there is such a group in any hierarchy."""
        return any(os.path.isdir(folder) for folder in self.places(path).folders)

    def check(self, resources: Resources) -> None:
        """Raise Unsupported, or InvalidSpec, for limits that no group of this host could have."""
        at = self.places("x")
        limits.place(at, resources)
        devices.check(resources.devices, version=1 if at.having("devices") else 2)

    def create(self, path: str, resources: Resources) -> Cgroup:
        """Make the group and set its limits; an emptied one at the same path is replaced.

        Raises Unsupported for a limit this host cannot keep, KernelError when the kernel refuses one.
        """
        at = self.places(path)
        try:
            self._make(at, resources)
        except (KernelError, Unsupported):
            # Somebody may have tidied the groups above away, or taken controllers from them, since they were prepared.
            self._parents.forget(os.path.dirname(at.path))
            self._make(at, resources)
        return self.find(path)

    def _make(self, at: Places, resources: Resources) -> None:
        placed = limits.place(at, resources)
        refused = self._parents.prepare(os.path.dirname(at.path))
        for setting in placed.values():
            if error := refused.get(setting.controller):
                raise error
        for folder in at.folders:
            control_files.make_fresh_folder(folder)
        realtime.reserve(at, resources)
        limits.apply(placed)
        if resources.devices:
            devices.set_rules(at, resources.devices)

    def update(self, path: str, before: Resources, after: Resources) -> None:
        """Take the group's limits from `before` to `after`; if one is refused, all stay. Raises as `create`."""
        at = self.places(path)
        old, new = limits.place(at, before), limits.place(at, after)
        _check_before_update(at, after)
        realtime.reserve(at, after)
        limits.change(old, new)
        if before.devices == after.devices:
            return
        try:
            devices.change_rules(at, before.devices, after.devices)
        except BaseException:
            limits.change(new, old)
            raise

    def processes(self, path: str) -> set[int]:
        """Pids of everything in the group and in those made inside it."""
        found: set[int] = set()
        for top in self.places(path).folders:
            for folder, _, _ in os.walk(top):
                found.update(int(line) for line in control_files.read(f"{folder}/cgroup.procs").split())
        return found

    def freeze(self, path: str) -> None:
        """Let everything in the group stand still. Raises KernelError, Unsupported without a freezer."""
        found = self.places(path).freezer
        if found is None:
            raise Unsupported("This host has no cgroup freezer, so containers cannot be paused.")
        freezer.freeze(*found)

    def thaw(self, path: str) -> None:
        """Let everything in the group run on; a group that is gone, or never was frozen, is left alone."""
        if found := self.places(path).freezer:
            freezer.thaw(*found)

    def is_frozen(self, path: str) -> bool:
        """Whether everything in the group stands still."""
        found = self.places(path).freezer
        return found is not None and freezer.is_frozen(*found)

    def kill(self, path: str) -> None:
        """Send SIGKILL to everything in the group, frozen or not, until nothing is left in it or 5 s are over."""
        if v2 := self.places(path).v2:  # Linux 5.14: all at once, so that nothing forks its way out
            control_files.write_if_there(f"{v2}/cgroup.kill", "1")
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
        for folder in self.places(path).folders:
            control_files.remove_folder(folder)

    def names(self) -> set[str]:
        """Every group right below this manager's parent."""
        found: set[str] = set()
        for hierarchy in self.hierarchies:
            folder = hierarchy.root / self.parent
            if folder.is_dir():
                with os.scandir(folder) as entries:
                    found.update(entry.name for entry in entries if entry.is_dir())
        return found


def _check_before_update(at: Places, after: Resources) -> None:
    """What `checkBeforeUpdate` asks for: v1 refuses a limit below what is in use, v2 kills to meet it."""
    found, memory = at.having("memory"), after.memory
    if memory is None or not memory.check_before_update or not memory.limit or found is None or found[1] == 1:
        return
    usage = control_files.read_number(f"{found[0]}/memory.current") or 0
    if 0 < memory.limit < usage:
        hint = f"{usage} bytes are in use."
        raise KernelError(f"write {memory.limit}", _EBUSY, f"{found[0]}/memory.max", hint=hint)
