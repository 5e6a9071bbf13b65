"""What the files of a control group tell at the end of a run: which are read, and what their text means.

v1 and v2 files have different names, so text by name is enough to know what it is (cgroup-v1/memory.rst, cgroup-v2.rst,
accounting/psi.rst).
"""

from collections.abc import Mapping, Sequence

from engine.cgroups.hierarchies import Hierarchy
from engine.cgroups.manager import Cgroup
from engine.spec.death import Memory, Pressure, Usage

_V1 = {
    "memory": ["memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"],
    "cpuacct": ["cpuacct.usage"],
    "blkio": ["blkio.throttle.io_service_bytes"],
}
_V2 = {
    "memory": ["memory.max", "memory.current", "memory.peak", "memory.events", "memory.pressure"],
    "cpu": ["cpu.stat", "cpu.pressure"],
    "io": ["io.stat", "io.pressure"],
    "pids": ["pids.peak"],
}
_HOST = ["/proc/pressure", "memory", "cpu", "io"]
_NO_LIMIT = 1 << 62  # v1 says so by a number of this size


def places(cgroup: Cgroup, hierarchies: Sequence[Hierarchy]) -> list[list[str]]:
    """`[folder, name, name…]` of what is worth reading; where groups have no pressure of their own, the host's."""
    found, measured = [], False
    for hierarchy in hierarchies:
        known = _V1 if hierarchy.version == 1 else _V2
        names = [name for controller in hierarchy.controllers for name in known.get(controller, ())]
        folder = next((path for path in cgroup.folders if path.startswith(f"{hierarchy.root}/")), "")
        if names and folder:
            found.append([folder, *names])
        measured = measured or "memory.pressure" in names
    return found if measured else [*found, _HOST]


def memory(texts: Mapping[str, str]) -> Memory:
    """Limit, use at the end, peak, and how many processes were killed for want of memory."""
    limit = _number(texts, "memory.limit_in_bytes", "memory.max")
    events = _fields(texts.get("memory.events") or texts.get("memory.oom_control", ""))
    return Memory(
        limit_bytes=None if limit is None or limit > _NO_LIMIT else limit,
        usage_bytes=_number(texts, "memory.usage_in_bytes", "memory.current"),
        peak_bytes=_number(texts, "memory.max_usage_in_bytes", "memory.peak"),
        oom_kills=events.get("oom_kill"),
    )


def usage(texts: Mapping[str, str]) -> Usage:
    """Processor time, bytes read and written on block devices, and the most processes at once."""
    nanoseconds = _number(texts, "cpuacct.usage")
    microseconds = _fields(texts.get("cpu.stat", "")).get("usage_usec")
    if nanoseconds is None and microseconds is not None:
        nanoseconds = 1000 * microseconds
    read, written = _io(texts)
    return Usage(nanoseconds, read, written, _number(texts, "pids.peak"))


def pressure(texts: Mapping[str, str]) -> dict[str, Pressure]:
    """By resource (`memory`, `cpu`, `io`): the shares of the last 10 and 60 s in which work waited for it."""
    found = {}
    for resource in ("memory", "cpu", "io"):
        own = f"{resource}.pressure" in texts
        text = texts.get(f"{resource}.pressure") or texts.get(resource)
        if text and (measured := _pressure(text, "container" if own else "host")) is not None:
            found[resource] = measured
    return found


def _pressure(text: str, scope: str) -> Pressure | None:
    lines = {kind: dict(pair.split("=") for pair in rest) for kind, *rest in map(str.split, text.splitlines())}
    some, full = lines.get("some"), lines.get("full", {})
    if some is None:
        return None
    return Pressure(
        scope, float(some["avg10"]), float(some["avg60"]), float(full.get("avg10", 0)), float(full.get("avg60", 0))
    )


def _io(texts: Mapping[str, str]) -> tuple[int | None, int | None]:
    if "blkio.throttle.io_service_bytes" in texts:
        rows = [line.split() for line in texts["blkio.throttle.io_service_bytes"].splitlines()]
        sums = [sum(int(row[2]) for row in rows if len(row) == 3 and row[1] == kind) for kind in ("Read", "Write")]
        return sums[0], sums[1]
    if "io.stat" not in texts:
        return None, None
    pairs = [pair.split("=") for line in texts["io.stat"].splitlines() for pair in line.split()[1:]]
    return tuple(sum(int(value) for key, value in pairs if key == kind) for kind in ("rbytes", "wbytes"))  # type: ignore[return-value] # two


def _number(texts: Mapping[str, str], *names: str) -> int | None:
    """The first of the files that is there, None when it says `max`."""
    for name in names:
        if name in texts:
            word = texts[name].strip()
            return int(word) if word.isdigit() else None
    return None


def _fields(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
