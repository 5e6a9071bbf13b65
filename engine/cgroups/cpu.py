"""The cpu controller: a ceiling (quota in each period) and a weight (cgroup-v2.rst, scheduler/sched-bwc.rst)."""

from engine.spec.runtime import Resources


def v1(resources: Resources) -> list[tuple[str, str]]:
    """File and value pairs."""
    cpu = resources.cpu
    if cpu is None:
        return []
    writes = [] if cpu.shares is None else [("cpu.shares", str(cpu.shares))]
    if cpu.quota is not None:
        writes += [("cpu.cfs_period_us", str(cpu.period or 100000)), ("cpu.cfs_quota_us", str(cpu.quota))]
    return writes


def v2(resources: Resources) -> list[tuple[str, str]]:
    """File and value pairs."""
    cpu = resources.cpu
    if cpu is None:
        return []
    writes = [] if cpu.shares is None else [("cpu.weight", str(weight_of(cpu.shares)))]
    if cpu.quota is not None:
        quota = "max" if cpu.quota < 0 else str(cpu.quota)
        writes.append(("cpu.max", f"{quota} {cpu.period or 100000}"))
    return writes


def weight_of(shares: int) -> int:
    """v1's shares (2 to 262144) on v2's scale (1 to 10000), as the runtime specification's readers map them."""
    return 1 + (shares - 2) * 9999 // 262142
