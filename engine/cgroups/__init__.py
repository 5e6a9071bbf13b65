"""Control groups: v1, v2 and hybrid hosts behind one manager, one file per controller."""

from engine.cgroups.manager import Cgroup, CgroupManager, Hierarchy

__all__ = ["Cgroup", "CgroupManager", "Hierarchy"]
