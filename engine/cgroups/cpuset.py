"""The cpuset controller: which processors and memory nodes (cgroup-v1/cpusets.rst, cgroup-v2.rst)."""

from engine.cgroups.setting import HasFile, Setting
from engine.spec.runtime import Cpu, Resources


def v1(resources: Resources, _: HasFile) -> list[Setting]:
    """Settings; a v1 group may not be without either, so cleared it has those of the group above."""
    return _settings(resources, None)


def v2(resources: Resources, _: HasFile) -> list[Setting]:
    """Settings; an empty list means those of the group above."""
    return _settings(resources, "")


def _settings(resources: Resources, cleared: str | None) -> list[Setting]:
    cpu = resources.cpu or Cpu()
    lists = {"cpuset.cpus": cpu.cpus, "cpuset.mems": cpu.mems}
    return [Setting(file, value, cleared) for file, value in lists.items() if value]
