"""The pids controller: how many processes and threads (cgroup-v1/pids.rst; v2 is the same)."""

from engine.cgroups.setting import HasFile, Setting
from engine.spec.runtime import Resources


def v1(resources: Resources, _: HasFile) -> list[Setting]:
    """Settings."""
    if resources.pids is None:
        return []
    return [Setting("pids.max", "max" if resources.pids.limit <= 0 else str(resources.pids.limit), "max")]


v2 = v1
