"""What processes cost in memory, as the kernel counts it."""

from pathlib import Path


def pss_mb(pid: int) -> float:
    """Proportional set size of a process in MB (10^6 bytes): its own pages, and its share of those it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0  # a kernel thread has no pages of its own


def ran_s(pid: int) -> float:
    """Seconds a processor has worked for a process (Documentation/scheduler/sched-stats.rst, to the nanosecond)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def parent(pid: int) -> int:
    """The parent's process id."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def descendants(pid: int) -> list[int]:
    """Every process below this one, itself not counted."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid for child in children for pid in (child, *descendants(child))]
