"""How hosts mount their control groups, read from mountinfo."""

from pathlib import Path

import pytest

from engine.cgroups import CgroupManager, Hierarchy
from engine.cgroups.hierarchies import V2_CONTROLLERS, find_hierarchies
from engine.errors import Unsupported
from engine.spec.runtime import BlockIo, Cpu, Memory, Pids, Resources

V2 = "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = """30 25 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 25 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 25 0:29 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices
34 25 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids"""
HYBRID = V1 + "\n40 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"


def test_a_pure_v2_host_has_one_hierarchy() -> None:
    assert find_hierarchies(V2) == [Hierarchy(Path("/sys/fs/cgroup"), 2, V2_CONTROLLERS, keeps_delegated=True)]


def test_controllers_mounted_together_stay_together() -> None:
    found = find_hierarchies(V1)
    assert Hierarchy(Path("/sys/fs/cgroup/cpu,cpuacct"), 1, ("cpu", "cpuacct")) in found
    assert {controller for h in found for controller in h.controllers} == {
        "cpu",
        "cpuacct",
        "memory",
        "devices",
        "pids",
    }


def test_on_a_hybrid_host_v2_has_what_v1_does_not_mount() -> None:
    found = find_hierarchies(HYBRID)
    assert [h.version for h in found] == [1, 1, 1, 1, 2]
    assert found[-1] == Hierarchy(Path("/sys/fs/cgroup/unified"), 2, ("cpuset", "io", "hugetlb", "rdma"))


def test_v1s_freezer_is_left_alone_where_v2_freezes() -> None:
    freezer = "35 25 0:40 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer"
    assert Hierarchy(Path("/sys/fs/cgroup/freezer"), 1, ("freezer",)) in find_hierarchies(f"{V1}\n{freezer}")
    assert all("freezer" not in h.controllers for h in find_hierarchies(f"{HYBRID}\n{freezer}"))


def test_a_limit_whose_controller_is_missing_is_refused_by_name(tmp_path: Path) -> None:
    manager = CgroupManager("moorage", [Hierarchy(tmp_path, 1, ("memory",))])
    with pytest.raises(Unsupported, match="no cgroup controller pids"):
        manager.create("x", Resources(memory=Memory(1 << 30), pids=Pids(1)))
    with pytest.raises(Unsupported, match="no cgroup controller cpu"):
        manager.create("x", Resources(cpu=Cpu(quota=1000, period=100000)))
    with pytest.raises(Unsupported, match="no cgroup controller blkio or io"):
        manager.create("x", Resources(block_io=BlockIo(weight=100)))
    assert list(tmp_path.iterdir()) == []


def test_without_nsdelegate_a_namespace_keeps_nobody_from_lifting_limits() -> None:
    (found,) = find_hierarchies(V2.replace(",nsdelegate", ""))
    assert not found.keeps_delegated
