"""Real time on v1: a group has no more of it than the one above, and new ones have none (sched-rt-group.rst)."""

import os
from math import ceil

from engine.cgroups import control_files
from engine.cgroups.places import Places
from engine.errors import KernelError, Unsupported
from engine.spec.runtime import Resources

_PERIOD_US = 1000000


def reserve(at: Places, resources: Resources) -> None:
    """Give the groups between the hierarchy's root and this one what it is to have beside those next to it.

    What they were given they keep: to take it back would need to know that nobody else counts on it. Raises
    Unsupported when the host has not enough left.
    """
    cpu, found = resources.cpu, at.having("cpu")
    if cpu is None or not cpu.realtime_runtime or found is None or found[1] == 2:
        return
    share = cpu.realtime_runtime / (cpu.realtime_period or _PERIOD_US)
    folder, path = found[0], at.path
    above = []
    while (path := os.path.dirname(path)) != "/":
        folder = os.path.dirname(folder)
        above.append(folder)
    for parent in reversed(above):
        wanted_us = min(ceil((share + _given_away(parent)) * _PERIOD_US), _PERIOD_US)
        if wanted_us <= _share(parent) * _PERIOD_US:
            continue
        try:
            control_files.write(f"{parent}/cpu.rt_runtime_us", str(wanted_us))
        except KernelError as error:
            raise Unsupported(
                f"This host has not so much real time left: {error.message}",
                hint="Ask for less, or give containers more in /sys/fs/cgroup/cpu and kernel.sched_rt_runtime_us.",
            ) from error


def _given_away(folder: str) -> float:
    """The share of a processor that the groups right below have together."""
    with os.scandir(folder) as entries:
        return sum(_share(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))


def _share(folder: str) -> float:
    runtime = control_files.read_number(f"{folder}/cpu.rt_runtime_us") or 0
    return runtime / (control_files.read_number(f"{folder}/cpu.rt_period_us") or _PERIOD_US)
