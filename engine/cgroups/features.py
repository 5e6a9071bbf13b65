"""What this host's control groups can do beyond their controllers' names."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass

from engine.cgroups import control_files
from engine.cgroups.hierarchies import Hierarchy

_HUGE_PAGES = "/sys/kernel/mm/hugepages"
_UNITS = ((1 << 20, "GB"), (1 << 10, "MB"), (1, "KB"))


@dataclass(frozen=True)
class Features:
    """`hugepage_sizes` are those a hugetlb limit can be set for, as `2MB`."""

    swap_accounting: bool
    pressure: bool
    block_io_limits: bool
    block_io_weight: bool
    realtime_groups: bool
    hugepage_sizes: tuple[str, ...]


def probe(hierarchies: Sequence[Hierarchy]) -> Features:
    """Look at the files that are there; makes no group."""
    v1 = {name: str(item.root) for item in hierarchies if item.version == 1 for name in item.controllers}
    v2 = next((item for item in hierarchies if item.version == 2), None)
    v2_controllers = v2.controllers if v2 else ()
    has_bfq = any("bfq" in control_files.read(path) for path in glob.glob("/sys/block/*/queue/scheduler"))
    has_io = "blkio" in v1 or "io" in v2_controllers
    return Features(
        swap_accounting=counts_swap(hierarchies),
        pressure=v2 is not None and os.path.exists("/proc/pressure/memory"),
        block_io_limits=_exists(v1, "blkio", "blkio.throttle.read_bps_device") or "io" in v2_controllers,
        block_io_weight=has_io and (has_bfq or bool(glob.glob(f"{v2.root if v2 else ''}/*/io.weight"))),
        realtime_groups=_exists(v1, "cpu", "cpu.rt_runtime_us"),
        hugepage_sizes=_hugepage_sizes() if "hugetlb" in (*v1, *v2_controllers) else (),
    )


def counts_swap(hierarchies: Sequence[Hierarchy]) -> bool:
    """Whether swap can be limited per group: on v1 when the kernel was told to, on v2 when it has swap."""
    for item in hierarchies:
        if "memory" in item.controllers:
            return os.path.exists(f"{item.root}/memory.memsw.limit_in_bytes" if item.version == 1 else "/proc/swaps")
    return False


def _exists(roots: dict[str, str], controller: str, name: str) -> bool:
    return controller in roots and os.path.exists(f"{roots[controller]}/{name}")


def _hugepage_sizes() -> tuple[str, ...]:
    """As the kernel writes them in the names of its files."""
    if not os.path.isdir(_HUGE_PAGES):
        return ()
    kilobytes = sorted(int(name.removeprefix("hugepages-").removesuffix("kB")) for name in os.listdir(_HUGE_PAGES))
    return tuple(next(f"{size // unit}{word}" for unit, word in _UNITS if size >= unit) for size in kilobytes)
