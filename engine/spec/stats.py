"""What a container uses at one moment, and how fast."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.spec import codec


@dataclass(frozen=True)
class CpuStats:
    """Processor time since the start. `per_cpu_ns` is there on v1 alone; the last three are the quota's work."""

    total_ns: int = 0
    user_ns: int = 0
    system_ns: int = 0
    per_cpu_ns: tuple[int, ...] = ()
    periods: int = 0
    throttled_periods: int = 0
    throttled_ns: int = 0


@dataclass(frozen=True)
class MemoryStats:
    """`working_set_bytes` is the use without what the kernel would drop first (inactive pages of files).

    `None` is no limit, or what this kernel does not tell. `details` is the kernel's own account (`memory.stat`).
    """

    usage_bytes: int = 0
    working_set_bytes: int = 0
    anon_bytes: int = 0
    file_bytes: int = 0
    swap_bytes: int | None = None
    limit_bytes: int | None = None
    peak_bytes: int | None = None
    oom_kills: int = 0
    details: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DeviceIo:
    """What went to and from one block device since the start."""

    major: int
    minor: int
    read_bytes: int = 0
    write_bytes: int = 0
    reads: int = 0
    writes: int = 0


@dataclass(frozen=True)
class InterfaceStats:
    """What went through one network interface of the container's own network."""

    name: str
    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


@dataclass(frozen=True)
class PidsStats:
    """Processes and threads, and the most there may be."""

    current: int = 0
    limit: int | None = None


@dataclass(frozen=True)
class Stall:
    """Percent of the last 10, 60 and 300 s in which work stood still for want of something; µs in all (psi.rst)."""

    avg10: float
    avg60: float
    avg300: float
    total_us: int


@dataclass(frozen=True)
class Stalls:
    """`some`: at least one process waited; `full`: all that could have run did."""

    some: Stall
    full: Stall | None = None


@dataclass(frozen=True)
class Rates:
    """Between two readings, per second; `cpu_percent` 100 is one whole processor. Without the loopback interface."""

    cpu_percent: float
    read_bytes: float
    write_bytes: float
    rx_bytes: float
    tx_bytes: float


@dataclass(frozen=True)
class Stats(codec.Document):
    """One reading, at `read_at` (RFC 3339), `uptime_ns` on the clock that never jumps.

    `pressure` is by resource (`cpu`, `memory`, `io`), empty where groups have none; `networks` is empty for
    a container that uses the host's. `rates` are since the reading before, `None` in the first.
    """

    id: str
    run: int
    read_at: str
    uptime_ns: int
    processors: int
    cpu: CpuStats
    memory: MemoryStats
    io: tuple[DeviceIo, ...]
    pids: PidsStats
    networks: tuple[InterfaceStats, ...]
    pressure: Mapping[str, Stalls]
    rates: Rates | None = None

    def rates_since(self, before: "Stats") -> Rates:
        """How fast things went since an earlier reading of the same run."""
        seconds = max(self.uptime_ns - before.uptime_ns, 1) / 1e9

        def rate(now: int, then: int) -> float:
            return max(now - then, 0) / seconds

        return Rates(
            cpu_percent=rate(self.cpu.total_ns, before.cpu.total_ns) / 1e7,
            read_bytes=rate(sum(item.read_bytes for item in self.io), sum(item.read_bytes for item in before.io)),
            write_bytes=rate(sum(item.write_bytes for item in self.io), sum(item.write_bytes for item in before.io)),
            rx_bytes=rate(_sum_rx(self), _sum_rx(before)),
            tx_bytes=rate(_sum_tx(self), _sum_tx(before)),
        )


def _sum_rx(stats: Stats) -> int:
    return sum(item.rx_bytes for item in stats.networks if item.name != "lo")


def _sum_tx(stats: Stats) -> int:
    return sum(item.tx_bytes for item in stats.networks if item.name != "lo")
