"""The groups above a container's: made where missing, and, once, told to hand their controllers down.

Groups of others are only ever passed through: nothing is taken from them.
"""

import os
from collections.abc import Sequence

from engine.cgroups import control_files
from engine.cgroups.hierarchies import Hierarchy
from engine.errors import KernelError, Unsupported

Refusals = dict[str, Unsupported]
"""Controllers that some group on the way does not hand down, each with the error for whoever needs it."""


class Parents:
    """Remembers which were prepared already: every start passes here."""

    def __init__(self, hierarchies: Sequence[Hierarchy]) -> None:
        self._hierarchies = hierarchies
        self._prepared: set[str] = set()

    def prepare(self, path: str) -> Refusals:
        """Have the groups at absolute `path` of every hierarchy ready for groups with limits. Raises KernelError."""
        refused: Refusals = {}
        if path not in self._prepared:
            for hierarchy in self._hierarchies:
                _prepare(hierarchy, path, refused)
            if not refused:  # else it may go better the next time
                self._prepared.add(path)
        return refused

    def forget(self, path: str) -> None:
        """Look at these groups again the next time."""
        self._prepared.discard(path)


def _prepare(hierarchy: Hierarchy, path: str, refused: Refusals) -> None:
    folder = str(hierarchy.root)
    for part in filter(None, path.split("/")):
        _delegate(hierarchy, folder, refused)
        folder = f"{folder}/{part}"
        control_files.make_folder(folder)
        if "cpuset" in hierarchy.controllers and hierarchy.version == 1:
            _fill_cpuset(folder)
    _delegate(hierarchy, folder, refused)
    if hierarchy.version == 2:
        _refuse_threaded(folder)


def _delegate(hierarchy: Hierarchy, folder: str, refused: Refusals) -> None:
    """Hand down on v2 what is not yet, one by one: that some cannot be is the end of those limits alone."""
    if hierarchy.version == 1:
        return
    enabled = control_files.read(f"{folder}/cgroup.subtree_control").split()
    for controller in hierarchy.controllers:
        if controller not in enabled and controller not in refused:
            why = _hand_down(folder, controller, is_root=folder == str(hierarchy.root))
            if why:
                refused[controller] = Unsupported(
                    f"The control group {folder} does not hand its controller {controller} down: {why}.",
                    hint="Choose a parent without processes of its own, or do without that limit.",
                )


def _hand_down(folder: str, controller: str, *, is_root: bool) -> str:
    """Why it cannot be, empty when it is done.

    Some controllers the kernel would let a group with processes hand down, but only to groups of threads.
    """
    if not is_root and control_files.read(f"{folder}/cgroup.procs"):
        return "it has processes of its own"
    try:
        control_files.write(f"{folder}/cgroup.subtree_control", f"+{controller}")
    except KernelError as error:
        return os.strerror(error.errno)
    return ""


def _refuse_threaded(folder: str) -> None:
    kind = control_files.read(f"{folder}/cgroup.type").strip()
    if kind not in ("", "domain"):  # the root has no such file
        raise Unsupported(
            f"The control group {folder} is of the kind {kind!r}, so it holds groups of threads, not of processes.",
            hint="Choose another parent.",
        )


def _fill_cpuset(folder: str) -> None:
    """A new v1 group may use no processor until it is told which; groups made in it then take those over."""
    control_files.write(f"{folder}/cgroup.clone_children", "1")
    above = os.path.dirname(folder)
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not control_files.read(f"{folder}/{name}").strip():
            control_files.write(f"{folder}/{name}", control_files.read(f"{above}/{name}").strip())
