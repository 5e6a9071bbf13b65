"""Turns the limits asked of a container into those of its OCI bundle, and checks what only this host can tell."""

import math
import os
import stat

from engine.errors import InvalidSpec, Unsupported
from engine.spec import resources as asked
from engine.spec.resources import Resources
from engine.spec.runtime import BlockIo, Cpu, HugepageLimit, Memory, Pids, ThrottleDevice, WeightDevice
from engine.spec.runtime import Resources as OciResources

_CPU_PERIOD_US = 100000
_LEAST_QUOTA_US = 1000


def to_oci(limits: Resources, *, counts_swap: bool = True) -> OciResources:
    """Docker's reading: memory with swap is twice the memory; a share of processors is a quota in each 0.1 s.

    Where the kernel does not count swap (`counts_swap`), that default is left out. Devices' paths become their numbers.
    Raises InvalidSpec for a path that is no block device here.
    """
    return OciResources(
        memory=_memory(limits, counts_swap),
        cpu=_cpu(limits),
        pids=None if limits.pids is None else Pids(limits.pids),
        block_io=_block_io(limits),
        hugepage_limits=tuple(HugepageLimit(size, limit) for size, limit in limits.hugepage_bytes.items()),
    )


def check_host(limits: Resources, *, counts_swap: bool) -> None:
    """Raise Unsupported, or InvalidSpec for processors and memory nodes that this host does not have."""
    if limits.memory_swap_bytes is not None and not counts_swap:
        raise Unsupported(
            "This kernel does not count swap per control group, so resources.memory_swap_bytes cannot be kept.",
            hint="Boot it with swapaccount=1, or leave the limit of swap out.",
        )
    processors = os.cpu_count() or 1
    if limits.cpus is not None and limits.cpus > processors:
        raise InvalidSpec("resources.cpus", f"{limits.cpus} is more than the {processors} processors of this host")
    _check_list("cpuset_cpus", limits.cpuset_cpus, "/sys/devices/system/cpu/online")
    _check_list("cpuset_mems", limits.cpuset_mems, "/sys/devices/system/node/online")


def warnings(limits: Resources) -> list[str]:
    """What may be asked but seldom is meant."""
    if limits.oom_kill_disable and limits.memory_bytes is None:
        return ["The OOM killer stays away from it and it has no limit of memory, so it may take all the host has."]
    return []


def _check_list(name: str, value: str, path: str) -> None:
    if not value:
        return
    try:
        with open(path) as file:
            there = file.read().strip()
    except FileNotFoundError:
        there = "0"  # a kernel without NUMA has one node and no folder of nodes
    if missing := numbers(value) - numbers(there):
        first = min(missing)
        raise InvalidSpec(f"resources.{name}", f"{first} is not there on this host, which has {there}")


def numbers(value: str) -> set[int]:
    """The numbers of a list such as `0-2,5`."""
    found: set[int] = set()
    for part in filter(None, value.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _memory(limits: Resources, counts_swap: bool) -> Memory | None:
    swap = limits.memory_swap_bytes
    if swap is None and limits.memory_bytes is not None and counts_swap:
        swap = 2 * limits.memory_bytes
    memory = Memory(
        limit=limits.memory_bytes,
        swap=swap,
        reservation=limits.memory_reservation_bytes,
        kernel_tcp=limits.kernel_memory_tcp_bytes,
        swappiness=limits.memory_swappiness,
        disable_oom_killer=limits.oom_kill_disable or None,
    )
    return None if memory == Memory() else memory


def _cpu(limits: Resources) -> Cpu | None:
    quota, period = limits.cpu_quota_us, limits.cpu_period_us
    if limits.cpus is not None:
        quota, period = max(_LEAST_QUOTA_US, math.floor(limits.cpus * _CPU_PERIOD_US)), _CPU_PERIOD_US
    cpu = Cpu(
        shares=limits.cpu_shares,
        quota=quota,
        period=period,
        realtime_runtime=limits.cpu_rt_runtime_us,
        realtime_period=limits.cpu_rt_period_us,
        cpus=limits.cpuset_cpus or None,
        mems=limits.cpuset_mems or None,
    )
    return None if cpu == Cpu() else cpu


def _block_io(limits: Resources) -> BlockIo | None:
    block_io = BlockIo(
        weight=limits.blkio_weight,
        weight_device=tuple(
            WeightDevice(*_device(f"blkio_weight_devices[{index}]", item.path), item.weight)
            for index, item in enumerate(limits.blkio_weight_devices)
        ),
        throttle_read_bps_device=_ceilings("device_read_bps", limits.device_read_bps),
        throttle_write_bps_device=_ceilings("device_write_bps", limits.device_write_bps),
        throttle_read_iops_device=_ceilings("device_read_iops", limits.device_read_iops),
        throttle_write_iops_device=_ceilings("device_write_iops", limits.device_write_iops),
    )
    return None if block_io == BlockIo() else block_io


def _ceilings(name: str, items: tuple[asked.ThrottleDevice, ...]) -> tuple[ThrottleDevice, ...]:
    return tuple(ThrottleDevice(*_device(f"{name}[{index}]", item.path), item.rate) for index, item in enumerate(items))


def _device(name: str, path: str) -> tuple[int, int]:
    """Major and minor number of a block device of this host."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise InvalidSpec(f"resources.{name}.path", f"{path}: {error.strerror}") from None
    if not stat.S_ISBLK(found.st_mode):
        raise InvalidSpec(f"resources.{name}.path", f"{path} is not a block device")
    return os.major(found.st_rdev), os.minor(found.st_rdev)
