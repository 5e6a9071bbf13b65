"""Checks of `linux.resources`, whole or as an update of it."""

import re

from engine.errors import InvalidSpec
from engine.spec.runtime.checks.process import cpu_list
from engine.spec.runtime.resources import BlockIo, Cpu, Memory, Resources
from engine.spec.values import between, one_of

_BYTES = (1 << 63) - 1
_PAGE_SIZE = re.compile(r"[1-9]\d*[KMGT]B")


def check(where: str, resources: Resources) -> None:
    """All of it."""
    for index, rule in enumerate(resources.devices):
        one_of(f"{where}.devices[{index}].type", rule.type, ("a", "b", "c"))
        if not set(rule.access) <= set("rwm"):
            raise InvalidSpec(f"{where}.devices[{index}].access", f"{rule.access[:20]!r} is not made of r, w and m")
        between(f"{where}.devices[{index}].major", rule.major, -1, (1 << 32) - 1)
        between(f"{where}.devices[{index}].minor", rule.minor, -1, (1 << 32) - 1)
    if resources.memory is not None:
        _memory(f"{where}.memory", resources.memory)
    if resources.cpu is not None:
        _cpu(f"{where}.cpu", resources.cpu)
    if resources.block_io is not None:
        _block_io(f"{where}.blockIO", resources.block_io)
    for index, limit in enumerate(resources.hugepage_limits):
        if not _PAGE_SIZE.fullmatch(limit.page_size):
            raise InvalidSpec(f"{where}.hugepageLimits[{index}].pageSize", "is not a size such as 2MB")
        between(f"{where}.hugepageLimits[{index}].limit", limit.limit, 0, (1 << 64) - 1)
    if resources.network is not None:
        between(f"{where}.network.classID", resources.network.class_id, 0, (1 << 32) - 1)
        for index, item in enumerate(resources.network.priorities):
            between(f"{where}.network.priorities[{index}].priority", item.priority, 0, (1 << 32) - 1)
    for device, rdma in resources.rdma.items():
        if rdma.hca_handles is None and rdma.hca_objects is None:
            raise InvalidSpec(f"{where}.rdma.{device}", "must limit hcaHandles, hcaObjects or both")
        between(f"{where}.rdma.{device}.hcaHandles", rdma.hca_handles, 0, (1 << 32) - 1)
        between(f"{where}.rdma.{device}.hcaObjects", rdma.hca_objects, 0, (1 << 32) - 1)
    for name in resources.unified:
        if "/" in name or "." not in name:
            raise InvalidSpec(f"{where}.unified.{name[:80]}", "is not the name of a control group's file")


def _memory(where: str, memory: Memory) -> None:
    for name, field in (
        *(("limit", "limit"), ("swap", "swap"), ("reservation", "reservation")),
        *(("kernel", "kernel"), ("kernelTCP", "kernel_tcp")),
    ):
        between(f"{where}.{name}", getattr(memory, field), -1, _BYTES)
    between(f"{where}.swappiness", memory.swappiness, 0, 100)
    if memory.swap is not None and memory.swap > 0 and memory.limit is not None and memory.limit > memory.swap:
        raise InvalidSpec(f"{where}.swap", f"{memory.swap} of memory and swap is less than {memory.limit} of memory")


def _cpu(where: str, cpu: Cpu) -> None:
    between(f"{where}.shares", cpu.shares, 0, 262144)
    between(f"{where}.quota", cpu.quota, -1, _BYTES)
    between(f"{where}.period", cpu.period, 0, 1_000_000)
    between(f"{where}.burst", cpu.burst, 0, cpu.quota if cpu.quota is not None and cpu.quota > 0 else _BYTES)
    between(f"{where}.realtimeRuntime", cpu.realtime_runtime, -1, _BYTES)
    between(f"{where}.realtimePeriod", cpu.realtime_period, 0, _BYTES)
    between(f"{where}.idle", cpu.idle, 0, 1)
    cpu_list(f"{where}.cpus", cpu.cpus or "")
    cpu_list(f"{where}.mems", cpu.mems or "")


def _block_io(where: str, block_io: BlockIo) -> None:
    between(f"{where}.weight", block_io.weight, 0, 1000)
    between(f"{where}.leafWeight", block_io.leaf_weight, 0, 1000)
    for index, item in enumerate(block_io.weight_device):
        if item.weight is None and item.leaf_weight is None:
            raise InvalidSpec(f"{where}.weightDevice[{index}]", "must have weight, leafWeight or both")
        between(f"{where}.weightDevice[{index}].weight", item.weight, 0, 1000)
        between(f"{where}.weightDevice[{index}].leafWeight", item.leaf_weight, 0, 1000)
    for name, listed in (
        ("throttleReadBpsDevice", block_io.throttle_read_bps_device),
        ("throttleWriteBpsDevice", block_io.throttle_write_bps_device),
        ("throttleReadIOPSDevice", block_io.throttle_read_iops_device),
        ("throttleWriteIOPSDevice", block_io.throttle_write_iops_device),
    ):
        for index, throttle in enumerate(listed):
            between(f"{where}.{name}[{index}].rate", throttle.rate, 0, (1 << 64) - 1)
