"""How this host mounts its control groups: v1 each controller somewhere, v2 all of them once, a hybrid host both.

Sources: cgroups(7), cgroup-v2.rst, proc_pid_mountinfo(5).
"""

from dataclasses import dataclass
from pathlib import Path

from engine.cgroups import control_files

V1_CONTROLLERS = (
    "memory",
    "cpu",
    "cpuacct",
    "cpuset",
    "pids",
    "devices",
    "freezer",
    "blkio",
    "hugetlb",
    "rdma",
    "net_cls",
    "net_prio",
)
V2_CONTROLLERS = ("memory", "cpu", "cpuset", "pids", "io", "hugetlb", "rdma")
_V1_NAMES = {"io": "blkio"}


@dataclass(frozen=True)
class Hierarchy:
    """One cgroup mount of the host: `version` 1 or 2 and the controllers that are managed through it.

    `keeps_delegated`: who is root of a cgroup namespace cannot lift the limits of its root (`nsdelegate`).
    """

    root: Path
    version: int
    controllers: tuple[str, ...]
    keeps_delegated: bool = False


def find_hierarchies(mountinfo: str | None = None) -> list[Hierarchy]:
    """The host's cgroup mounts, v1 first; one entry per mount that carries something wanted here.

    The v2 mount of a hybrid host is wanted even without a controller: it freezes and kills groups at once and tells
    their pressure. With it v1's freezer is not needed.
    """
    text = control_files.read("/proc/self/mountinfo") if mountinfo is None else mountinfo
    mounts = [_mount(line) for line in text.splitlines() if " - cgroup" in line]
    v2_root = next((root for root, fstype, _ in mounts if fstype == "cgroup2"), None)
    keeps_delegated = any(fstype == "cgroup2" and "nsdelegate" in options for _, fstype, options in mounts)
    taken = set() if v2_root is None else {"freezer"}
    found: list[Hierarchy] = []
    for root, fstype, options in mounts:
        controllers = tuple(name for name in V1_CONTROLLERS if name in options and name not in taken)
        if fstype == "cgroup" and controllers:
            found.append(Hierarchy(root, 1, controllers))
            taken.update(controllers)
    if v2_root is not None:
        offered = control_files.read(v2_root / "cgroup.controllers").split() if mountinfo is None else V2_CONTROLLERS
        left = (name for name in V2_CONTROLLERS if name in offered and _V1_NAMES.get(name, name) not in taken)
        found.append(Hierarchy(v2_root, 2, tuple(left), keeps_delegated))
    return found


def _mount(line: str) -> tuple[Path, str, list[str]]:
    """Mount point, type of file system, and its options of a line of mountinfo."""
    before, _, after = line.partition(" - ")
    fstype, _, options = after.split(" ", 2)
    return Path(before.split()[4].replace("\\040", " ")), fstype, options.split(",")
