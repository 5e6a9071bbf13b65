"""events: what a container uses, in the form that runc's callers read."""

import time
from collections.abc import Iterator
from typing import Any

from engine.cgroups import usage
from engine.errors import Conflict
from engine.runtime.store import Container, Status, Store
from engine.spec.stats import DeviceIo

_ALIVE = (Status.CREATED, Status.RUNNING, Status.PAUSED)


def stats(store: Store, container_id: str) -> dict[str, Any]:
    """One event of type `stats`. Raises NotFound, Conflict for a container that has ended."""
    container = store.get(container_id)
    if store.status(container) not in _ALIVE:
        raise Conflict("container not running")
    return _event(store, container)


def stream(store: Store, container_id: str, interval_s: float) -> Iterator[dict[str, Any]]:
    """`stats` again and again until the container has ended; an event of type `oom` for each process killed for memory.

    Raises as `stats`.
    """
    yield stats(store, container_id)
    container = store.get(container_id)
    kills = _oom_kills(store, container)
    while True:
        time.sleep(interval_s)
        if store.status(container) not in _ALIVE:
            return
        before, kills = kills, _oom_kills(store, container)
        yield from ({"type": "oom", "id": container.id} for _ in range(kills - before))
        yield _event(store, container)


def _oom_kills(store: Store, container: Container) -> int:
    return usage.memory(store.cgroups.places(container.cgroup)).oom_kills


def _event(store: Store, container: Container) -> dict[str, Any]:
    at = store.cgroups.places(container.cgroup)
    cpu, memory, pids = usage.cpu(at), usage.memory(at), usage.pids(at)
    return {
        "type": "stats",
        "id": container.id,
        "data": {
            "cpu": {
                "usage": {
                    "total": cpu.total_ns,
                    "percpu": list(cpu.per_cpu_ns),
                    "kernel": cpu.system_ns,
                    "user": cpu.user_ns,
                },
                "throttling": {
                    "periods": cpu.periods,
                    "throttledPeriods": cpu.throttled_periods,
                    "throttledTime": cpu.throttled_ns,
                },
            },
            "memory": {
                "cache": memory.file_bytes,
                "usage": {
                    "limit": memory.limit_bytes or 0,
                    "usage": memory.usage_bytes,
                    "max": memory.peak_bytes or 0,
                    "failcnt": 0,
                },
                "raw": dict(memory.details),
            },
            "pids": {"current": pids.current, "limit": pids.limit or 0},
            "blkio": {"ioServiceBytesRecursive": list(_traffic(usage.block_io(at)))},
        },
    }


def _traffic(devices: tuple[DeviceIo, ...]) -> Iterator[dict[str, Any]]:
    for device in devices:
        for op, value in (("Read", device.read_bytes), ("Write", device.write_bytes)):
            yield {"major": device.major, "minor": device.minor, "op": op, "value": value}
