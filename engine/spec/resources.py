"""How much of its host a container may use, and how that may be changed while it runs."""

import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any, Self

from engine.errors import InvalidSpec
from engine.spec import codec
from engine.spec.values import between

MINIMUM_MEMORY_BYTES = 4096
MAXIMUM_BYTES = 1 << 62
MAXIMUM_PIDS = 1 << 22  # PID_MAX_LIMIT of 64-bit kernels
MAXIMUM_RATE = (1 << 64) - 1
PERIODS_US = (1000, 1000000)  # scheduler/sched-bwc.rst
_LIST = re.compile(r"\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*")
_PAGE_SIZE = re.compile(r"[1-9]\d*(KB|MB|GB)")


@dataclass(frozen=True)
class WeightDevice:
    """The weight, from 10 to 1000, of one block device named by its path on the host."""

    path: str
    weight: int


@dataclass(frozen=True)
class ThrottleDevice:
    """At most `rate` bytes or operations a second of one block device named by its path on the host."""

    path: str
    rate: int


@dataclass(frozen=True)
class Resources:
    """Limits of one container, as Docker's HostConfig has them; `None` or empty is no limit of its own.

    `memory_swap_bytes` is memory and swap together (-1 unlimited; not given it is twice `memory_bytes`). `cpus` is a
    share of whole processors (0.5 is half of one), short for a quota in each 0.1 s. `cpu_shares` is a weight from 2 to
    262144 (1024 is usual) that counts only under contention. `cpuset_cpus` and `cpuset_mems` are lists such as `0-2,5`.
    `pids` is the most processes and threads. `hugepage_bytes` maps sizes such as `2MB` to bytes.
    """

    memory_bytes: int | None = None
    memory_reservation_bytes: int | None = None
    memory_swap_bytes: int | None = None
    memory_swappiness: int | None = None
    kernel_memory_tcp_bytes: int | None = None
    oom_kill_disable: bool = False
    cpus: float | None = None
    cpu_quota_us: int | None = None
    cpu_period_us: int | None = None
    cpu_shares: int | None = None
    cpu_rt_runtime_us: int | None = None
    cpu_rt_period_us: int | None = None
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids: int | None = None
    blkio_weight: int | None = None
    blkio_weight_devices: tuple[WeightDevice, ...] = ()
    device_read_bps: tuple[ThrottleDevice, ...] = ()
    device_write_bps: tuple[ThrottleDevice, ...] = ()
    device_read_iops: tuple[ThrottleDevice, ...] = ()
    device_write_iops: tuple[ThrottleDevice, ...] = ()
    hugepage_bytes: Mapping[str, int] = field(default_factory=dict)

    def validate(self) -> None:
        """Raise InvalidSpec for the first value, or combination, that no host could keep."""
        for check in _CHECKS:
            check(self)


@dataclass(frozen=True)
class ResourcesChange:
    """New values for some limits, by name; `None` clears one, and what is not named stays as it is."""

    values: Mapping[str, Any]

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read an object with any of the keys of `Resources`; InvalidSpec names an unknown or wrongly typed one."""
        if not isinstance(value, dict):
            raise InvalidSpec("resources", "must be an object")
        given = {key: item for key, item in value.items() if item is not None}
        parsed = codec.from_json(Resources, given, where="resources")
        cleared = [key for key in value if key not in given]
        for key in cleared:
            if key not in _FIELDS:
                raise InvalidSpec(f"resources.{key}", "is not a known field")
        return cls({key: getattr(parsed, key) for key in given} | dict.fromkeys(cleared))

    def apply(self, resources: Resources) -> Resources:
        """The limits with the new values, checked. Raises InvalidSpec."""
        changed = replace(
            resources, **{key: _default(key) if value is None else value for key, value in self.values.items()}
        )
        changed.validate()
        return changed


_FIELDS: dict[str, Field[Any]] = {item.name: item for item in fields(Resources)}


def _default(key: str) -> Any:
    item = _FIELDS[key]
    return item.default_factory() if item.default_factory is not MISSING else item.default


def _memory(limits: Resources) -> None:
    between("resources.memory_bytes", limits.memory_bytes, MINIMUM_MEMORY_BYTES, MAXIMUM_BYTES)
    between("resources.memory_reservation_bytes", limits.memory_reservation_bytes, MINIMUM_MEMORY_BYTES, MAXIMUM_BYTES)
    between("resources.memory_swap_bytes", limits.memory_swap_bytes, -1, MAXIMUM_BYTES)
    between("resources.memory_swappiness", limits.memory_swappiness, 0, 100)
    between("resources.kernel_memory_tcp_bytes", limits.kernel_memory_tcp_bytes, MINIMUM_MEMORY_BYTES, MAXIMUM_BYTES)
    memory, swap, spared = limits.memory_bytes, limits.memory_swap_bytes, limits.memory_reservation_bytes
    if swap is not None and memory is None and swap != -1:
        raise InvalidSpec("resources.memory_swap_bytes", "is memory and swap together, so it needs memory_bytes too")
    if swap is not None and memory is not None and swap != -1 and swap < memory:
        raise InvalidSpec(
            "resources.memory_swap_bytes",
            f"{swap} is below memory_bytes, {memory}",
            hint="It is memory and swap together; the same value means no swap.",
        )
    if spared is not None and memory is not None and spared > memory:
        raise InvalidSpec("resources.memory_reservation_bytes", f"{spared} is above memory_bytes, {memory}")


def _cpu(limits: Resources) -> None:
    between("resources.cpu_shares", limits.cpu_shares, 2, 262144)
    between("resources.cpu_period_us", limits.cpu_period_us, *PERIODS_US)
    between("resources.cpu_quota_us", limits.cpu_quota_us, 1000, MAXIMUM_BYTES)
    if limits.cpus is None:
        return
    if not (math.isfinite(limits.cpus) and 0.01 <= limits.cpus <= 8192):
        raise InvalidSpec("resources.cpus", f"{limits.cpus} is not between 0.01 and 8192")
    for name in ("cpu_quota_us", "cpu_period_us"):
        if getattr(limits, name) is not None:
            raise InvalidSpec(f"resources.{name}", "says the same as cpus in another way; give only one of the two")


def _realtime(limits: Resources) -> None:
    between("resources.cpu_rt_period_us", limits.cpu_rt_period_us, 1, MAXIMUM_BYTES)
    between("resources.cpu_rt_runtime_us", limits.cpu_rt_runtime_us, 0, MAXIMUM_BYTES)
    runtime, period = limits.cpu_rt_runtime_us, limits.cpu_rt_period_us
    if runtime is not None and runtime > (1000000 if period is None else period):
        raise InvalidSpec("resources.cpu_rt_runtime_us", f"{runtime} is above its period")


def _cpusets(limits: Resources) -> None:
    for name in ("cpuset_cpus", "cpuset_mems"):
        value = getattr(limits, name)
        if value and not _LIST.fullmatch(value):
            raise InvalidSpec(f"resources.{name}", f"{value[:80]!r} is not a list such as 0-2,5")
        for part in value.split(",") if value else ():
            first, _, last = part.partition("-")
            if last and int(last) < int(first):
                raise InvalidSpec(f"resources.{name}", f"the range {part} ends before it begins")


def _pids(limits: Resources) -> None:
    between("resources.pids", limits.pids, 1, MAXIMUM_PIDS)


def _block_io(limits: Resources) -> None:
    between("resources.blkio_weight", limits.blkio_weight, 10, 1000)
    for index, weight in enumerate(limits.blkio_weight_devices):
        where = f"resources.blkio_weight_devices[{index}]"
        _device_path(where, weight.path)
        between(f"{where}.weight", weight.weight, 10, 1000)
    for name in ("device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops"):
        for index, ceiling in enumerate(getattr(limits, name)):
            _device_path(f"resources.{name}[{index}]", ceiling.path)
            between(f"resources.{name}[{index}].rate", ceiling.rate, 1, MAXIMUM_RATE)


def _huge_pages(limits: Resources) -> None:
    for size, limit in limits.hugepage_bytes.items():
        if not _PAGE_SIZE.fullmatch(size):
            raise InvalidSpec(f"resources.hugepage_bytes.{size[:40]}", "is not a page size such as 2MB")
        between(f"resources.hugepage_bytes.{size}", limit, 0, MAXIMUM_BYTES)


_CHECKS = (_memory, _cpu, _realtime, _cpusets, _pids, _block_io, _huge_pages)


def _device_path(where: str, path: str) -> None:
    if not path.startswith("/"):
        raise InvalidSpec(f"{where}.path", f"{path[:80]!r} must be an absolute path")
