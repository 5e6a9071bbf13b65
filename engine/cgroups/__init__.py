"""Control groups: v1, v2 and hybrid hosts behind one manager, one file per controller."""

from engine.cgroups.features import Features
from engine.cgroups.hierarchies import Hierarchy
from engine.cgroups.manager import Cgroup, CgroupManager

__all__ = ["Cgroup", "CgroupManager", "Features", "Hierarchy"]
