"""Reads what a group uses from the kernel's files, on either version.

Sources: cgroup-v1/{memory,cpuacct,blkio-controller,pids}.rst, cgroup-v2.rst, accounting/psi.rst.
"""

import os

from engine.cgroups import control_files
from engine.cgroups.control_files import read, read_number, read_table
from engine.cgroups.places import Places
from engine.spec.stats import CpuStats, DeviceIo, MemoryStats, PidsStats, Stall, Stalls

_NO_LIMIT = 1 << 62  # v1 says so by a number of this size
_V1_CPU_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_NUMBERS = {"Read": ("read_bytes", "reads"), "Write": ("write_bytes", "writes")}
_V2_NUMBERS = {"rbytes": "read_bytes", "wbytes": "write_bytes", "rios": "reads", "wios": "writes"}


def cpu(at: Places) -> CpuStats:
    """Processor time."""
    if (found := at.having("cpuacct")) is not None:
        return _v1_cpu(found[0], at.having("cpu"))
    table = read_table(f"{at.v2}/cpu.stat")
    return CpuStats(
        total_ns=1000 * table.get("usage_usec", 0),
        user_ns=1000 * table.get("user_usec", 0),
        system_ns=1000 * table.get("system_usec", 0),
        periods=table.get("nr_periods", 0),
        throttled_periods=table.get("nr_throttled", 0),
        throttled_ns=1000 * table.get("throttled_usec", 0),
    )


def _v1_cpu(folder: str, quota: tuple[str, int] | None) -> CpuStats:
    ticks = read_table(f"{folder}/cpuacct.stat")
    user, system = (read_number(f"{folder}/cpuacct.usage_{kind}") for kind in ("user", "sys"))
    throttling = read_table(f"{quota[0]}/cpu.stat") if quota else {}
    return CpuStats(
        total_ns=read_number(f"{folder}/cpuacct.usage") or 0,
        user_ns=ticks.get("user", 0) * _V1_CPU_TICK_NS if user is None else user,
        system_ns=ticks.get("system", 0) * _V1_CPU_TICK_NS if system is None else system,
        per_cpu_ns=tuple(int(word) for word in read(f"{folder}/cpuacct.usage_percpu").split()),
        periods=throttling.get("nr_periods", 0),
        throttled_periods=throttling.get("nr_throttled", 0),
        throttled_ns=throttling.get("throttled_time", 0),
    )


def memory(at: Places) -> MemoryStats:
    """Memory, all of zero where nobody counts it."""
    found = at.having("memory")
    if found is None:
        return MemoryStats()
    folder, version = found
    details = read_table(f"{folder}/memory.stat")
    if version == 1:
        usage = read_number(f"{folder}/memory.usage_in_bytes") or 0
        limit = read_number(f"{folder}/memory.limit_in_bytes")
        return MemoryStats(
            usage_bytes=usage,
            working_set_bytes=max(usage - details.get("total_inactive_file", 0), 0),
            anon_bytes=details.get("total_rss", 0),
            file_bytes=details.get("total_cache", 0),
            swap_bytes=details.get("total_swap"),
            limit_bytes=None if limit is None or limit > _NO_LIMIT else limit,
            peak_bytes=read_number(f"{folder}/memory.max_usage_in_bytes"),
            oom_kills=read_table(f"{folder}/memory.oom_control").get("oom_kill", 0),
            details=details,
        )
    usage = read_number(f"{folder}/memory.current") or 0
    return MemoryStats(
        usage_bytes=usage,
        working_set_bytes=max(usage - details.get("inactive_file", 0), 0),
        anon_bytes=details.get("anon", 0),
        file_bytes=details.get("file", 0),
        swap_bytes=read_number(f"{folder}/memory.swap.current"),
        limit_bytes=read_number(f"{folder}/memory.max"),
        peak_bytes=read_number(f"{folder}/memory.peak"),
        oom_kills=read_table(f"{folder}/memory.events").get("oom_kill", 0),
        details=details,
    )


def pids(at: Places) -> PidsStats:
    """Processes and threads, none where nobody counts them."""
    found = at.having("pids")
    if found is None:
        return PidsStats()
    return PidsStats(read_number(f"{found[0]}/pids.current") or 0, read_number(f"{found[0]}/pids.max"))


def block_io(at: Places) -> tuple[DeviceIo, ...]:
    """Traffic of each block device."""
    if (found := at.having("blkio")) is not None:
        return _v1_block_io(found[0])
    if (found := at.having("io")) is None:
        return ()
    devices: dict[str, dict[str, int]] = {}
    for line in read(f"{found[0]}/io.stat").splitlines():
        device, *pairs = line.split()
        numbers = dict(pair.split("=") for pair in pairs)
        devices[device] = {name: int(numbers[word]) for word, name in _V2_NUMBERS.items() if word in numbers}
    return _devices(devices)


def _v1_block_io(folder: str) -> tuple[DeviceIo, ...]:
    devices: dict[str, dict[str, int]] = {}
    for index, name in enumerate(("io_service_bytes", "io_serviced")):
        text = read(f"{folder}/blkio.throttle.{name}_recursive") or read(f"{folder}/blkio.throttle.{name}")
        for line in text.splitlines():
            device, *rest = line.split()
            if len(rest) == 2 and rest[0] in _NUMBERS:
                devices.setdefault(device, {})[_NUMBERS[rest[0]][index]] = int(rest[1])
    return _devices(devices)


def _devices(numbers: dict[str, dict[str, int]]) -> tuple[DeviceIo, ...]:
    found = []
    for device, values in numbers.items():
        major, _, minor = device.partition(":")
        found.append(DeviceIo(int(major), int(minor), **values))
    return tuple(found)


def pressure(at: Places) -> dict[str, Stalls]:
    """What the group waited for, by resource; empty where the kernel does not keep it per group."""
    folder = at.v2
    found = {}
    for resource in ("cpu", "memory", "io"):
        lines = {}
        for line in control_files.read(f"{folder}/{resource}.pressure").splitlines() if folder else ():
            kind, *pairs = line.split()
            numbers = dict(pair.split("=") for pair in pairs)
            ten, sixty, longest = (float(numbers[name]) for name in ("avg10", "avg60", "avg300"))
            lines[kind] = Stall(ten, sixty, longest, int(numbers["total"]))
        if "some" in lines:
            found[resource] = Stalls(lines["some"], lines.get("full"))
    return found
