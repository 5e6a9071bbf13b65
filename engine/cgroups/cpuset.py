"""The cpuset controller: which processors and memory nodes (cgroup-v1/cpusets.rst, cgroup-v2.rst)."""

from engine.cgroups.setting import HasFile, Setting
from engine.spec.runtime import Cpu, Resources


def v1(resources: Resources, _: HasFile) -> list[Setting]:
    """Settings; a group with processes in it may not be without either, so cleared it has those of the group above."""
    cpu = resources.cpu or Cpu()
    lists = {"cpuset.cpus": cpu.cpus, "cpuset.mems": cpu.mems}
    return [Setting(file, value, None) for file, value in lists.items() if value]


v2 = v1
