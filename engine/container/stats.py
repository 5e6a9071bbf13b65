"""stats: what a container uses at this moment, once or again and again."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

from engine.cgroups import usage
from engine.container import state
from engine.container.runtime import Runtime
from engine.errors import Conflict, InvalidSpec, NotFound
from engine.launcher import records
from engine.spec.container import ContainerState, Status
from engine.spec.stats import InterfaceStats, Stats

LEAST_INTERVAL_S = 0.1


def stats(runtime: Runtime, container_id: str) -> Stats:
    """One reading. Raises Conflict when the container does not run."""
    folder = runtime.folder(container_id)
    before = state.load(folder)
    found = _read(runtime, folder, before)
    now = state.load(folder)
    # Its group goes with it: numbers read while it ended are not the container's.
    if not _runs(before) or not _runs(now) or now.run != before.run:
        raise Conflict(f"Container {now.name} is not running.", hint="Start it first.")
    return found


async def stream(runtime: Runtime, container_id: str, *, interval_s: float) -> AsyncGenerator[Stats, None]:
    """A reading at once, and one with rates every `interval_s` (at least 0.1 s) until this run ends.

    Raises Conflict when the container does not run to begin with.
    """
    if not LEAST_INTERVAL_S <= interval_s <= 3600:
        raise InvalidSpec("interval_s", f"{interval_s} is not between {LEAST_INTERVAL_S} and 3600")
    last = await asyncio.to_thread(stats, runtime, container_id)
    due = time.monotonic()
    yield last
    while True:
        due = max(due + interval_s, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
        try:
            found = await asyncio.to_thread(stats, runtime, container_id)
        except (Conflict, NotFound):
            return
        if found.run != last.run:
            return
        last = replace(found, rates=found.rates_since(last))
        yield last


def _read(runtime: Runtime, folder: Path, current: ContainerState) -> Stats:
    at = runtime.cgroups.places(state.load_record(folder).cgroup)
    return Stats(
        id=current.id,
        run=current.run,
        read_at=records.now(),
        uptime_ns=time.monotonic_ns(),
        processors=os.cpu_count() or 1,
        cpu=usage.cpu(at),
        memory=usage.memory(at),
        io=usage.block_io(at),
        pids=usage.pids(at),
        networks=_networks(current.pid),
        pressure=usage.pressure(at),
    )


def _runs(current: ContainerState) -> bool:
    return current.status in (Status.RUNNING, Status.PAUSED)


def _networks(pid: int) -> tuple[InterfaceStats, ...]:
    """Interfaces by proc_pid_net(5), but none where they are the host's own: its traffic is not the container's."""
    try:
        if os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
            return ()
        text = Path(f"/proc/{pid}/net/dev").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended, which the caller finds out
        return ()
    return tuple(_interface(line) for line in text.splitlines()[2:])


def _interface(line: str) -> InterfaceStats:
    name, _, numbers = line.partition(":")
    values = [int(word) for word in numbers.split()]
    return InterfaceStats(name.strip(), *values[0:4], *values[8:12])
