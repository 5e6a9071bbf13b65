"""The cpu controller: a ceiling (quota in each period) and a weight (cgroup-v2.rst, scheduler/sched-bwc.rst)."""

from engine.cgroups.setting import HasFile, Setting
from engine.errors import Unsupported
from engine.spec.runtime import Cpu, Resources

_PERIOD_US = 100000
_RT_PERIOD_US = 1000000


def v1(resources: Resources, _: HasFile) -> list[Setting]:
    """Settings in the order the kernel wants: a burst may not be above the quota."""
    cpu = resources.cpu or Cpu()
    found = [
        Setting("cpu.shares", str(cpu.shares), "1024") if cpu.shares else None,
        Setting("cpu.idle", str(cpu.idle), "0") if cpu.idle is not None else None,
        Setting("cpu.cfs_period_us", str(cpu.period), str(_PERIOD_US)) if cpu.period else None,
        Setting("cpu.cfs_quota_us", str(cpu.quota), "-1") if cpu.quota else None,
        _burst("cpu.cfs_burst_us", cpu),
        Setting("cpu.rt_period_us", str(cpu.realtime_period), str(_RT_PERIOD_US)) if cpu.realtime_period else None,
        Setting("cpu.rt_runtime_us", str(cpu.realtime_runtime), "0") if cpu.realtime_runtime else None,
    ]
    return [setting for setting in found if setting is not None]


def v2(resources: Resources, _: HasFile) -> list[Setting]:
    """Settings. Raises Unsupported for real time, which v2 does not share out."""
    cpu = resources.cpu or Cpu()
    if cpu.realtime_runtime or cpu.realtime_period:
        raise Unsupported("cgroup v2 has no limit of real-time scheduling, so cpu realtime cannot be kept.")
    found = [
        Setting("cpu.weight", str(weight_of(cpu.shares)), "100") if cpu.shares else None,
        Setting("cpu.idle", str(cpu.idle), "0") if cpu.idle is not None else None,
        _v2_ceiling(cpu) if cpu.quota or cpu.period else None,
        _burst("cpu.max.burst", cpu),
    ]
    return [setting for setting in found if setting is not None]


def _v2_ceiling(cpu: Cpu) -> Setting:
    quota = "max" if cpu.quota is None or cpu.quota <= 0 else str(cpu.quota)
    return Setting("cpu.max", f"{quota} {cpu.period or _PERIOD_US}", f"max {_PERIOD_US}")


def _burst(file: str, cpu: Cpu) -> Setting | None:
    return None if not cpu.burst else Setting(file, str(cpu.burst), "0")


def weight_of(shares: int) -> int:
    """v1's shares (2 to 262144) on v2's scale (1 to 10000), as the runtime specification's readers map them."""
    return 1 + (max(shares, 2) - 2) * 9999 // 262142
