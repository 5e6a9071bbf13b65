"""Which files are written for which limit, on either version."""

import pytest

from engine.cgroups import cpu, cpuset, hugetlb, io, memory, network, pids, rdma, unified
from engine.cgroups.setting import Setting
from engine.errors import InvalidSpec, Unsupported
from engine.spec.runtime import (
    BlockIo,
    Cpu,
    HugepageLimit,
    InterfacePriority,
    Memory,
    Network,
    Pids,
    Rdma,
    Resources,
    ThrottleDevice,
    WeightDevice,
)

LIMITS = Resources(memory=Memory(64 << 20, 128 << 20), cpu=Cpu(1024, 50000, 100000), pids=Pids(10))
ALL_RULES = (memory.v1, memory.v2, cpu.v1, cpu.v2, cpuset.v1, cpuset.v2, pids.v1, io.v1, io.v2, hugetlb.v1, rdma.v1)


def nothing(_: str) -> bool:
    return False


def everything(_: str) -> bool:
    return True


def pairs(settings: list[Setting]) -> list[tuple[str, str]]:
    return [(setting.file, setting.value) for setting in settings]


def test_v1_sets_memory_before_memory_with_swap() -> None:
    assert pairs(memory.v1(LIMITS, nothing)) == [
        ("memory.limit_in_bytes", str(64 << 20)),
        ("memory.memsw.limit_in_bytes", str(128 << 20)),
    ]


def test_v2_counts_swap_apart_from_memory() -> None:
    assert pairs(memory.v2(LIMITS, nothing)) == [("memory.max", str(64 << 20)), ("memory.swap.max", str(64 << 20))]
    unlimited = Resources(memory=Memory(64 << 20, -1))
    assert pairs(memory.v2(unlimited, nothing))[1] == ("memory.swap.max", "max")


def test_the_rest_of_memory() -> None:
    asked = Resources(memory=Memory(reservation=1 << 20, swappiness=0, disable_oom_killer=True, kernel_tcp=5))
    assert pairs(memory.v1(asked, nothing)) == [
        ("memory.soft_limit_in_bytes", str(1 << 20)),
        ("memory.kmem.tcp.limit_in_bytes", "5"),
        ("memory.swappiness", "0"),
        ("memory.oom_control", "1"),
    ]
    assert pairs(memory.v2(Resources(memory=Memory(reservation=1 << 20)), nothing)) == [("memory.low", str(1 << 20))]


@pytest.mark.parametrize("what", [Memory(swappiness=1), Memory(disable_oom_killer=True), Memory(kernel=1)])
def test_v2_refuses_what_only_v1_can_do_with_memory(what: Memory) -> None:
    with pytest.raises(Unsupported, match="cgroup v2 has nothing for memory"):
        memory.v2(Resources(memory=what), nothing)


def test_a_limit_of_swap_needs_one_of_memory() -> None:
    with pytest.raises(InvalidSpec, match=r"memory\.swap"):
        memory.v2(Resources(memory=Memory(swap=1 << 20)), nothing)


def test_cpu_shares_keep_their_place_on_the_scale_of_v2() -> None:
    assert pairs(cpu.v2(LIMITS, nothing)) == [("cpu.weight", "39"), ("cpu.max", "50000 100000")]
    assert [cpu.weight_of(shares) for shares in (2, 262144)] == [1, 10000]


def test_v1_sets_the_period_before_the_quota_and_the_burst_last() -> None:
    asked = Resources(cpu=Cpu(1024, 50000, 100000, burst=1000))
    assert [setting.file for setting in cpu.v1(asked, nothing)] == [
        "cpu.shares",
        "cpu.cfs_period_us",
        "cpu.cfs_quota_us",
        "cpu.cfs_burst_us",
    ]


def test_no_quota_in_a_period_of_ones_own() -> None:
    asked = Resources(cpu=Cpu(quota=-1, period=50000))
    assert pairs(cpu.v2(asked, nothing)) == [("cpu.max", "max 50000")]
    assert pairs(cpu.v1(asked, nothing)) == [("cpu.cfs_period_us", "50000"), ("cpu.cfs_quota_us", "-1")]


def test_v2_refuses_real_time() -> None:
    with pytest.raises(Unsupported, match="real-time"):
        cpu.v2(Resources(cpu=Cpu(realtime_runtime=1000)), nothing)


def test_a_cpuset_is_cleared_to_that_of_the_group_above() -> None:
    asked = Resources(cpu=Cpu(cpus="0-1", mems="0"))
    assert cpuset.v1(asked, nothing) == cpuset.v2(asked, nothing)
    assert cpuset.v1(asked, nothing) == [Setting("cpuset.cpus", "0-1", None), Setting("cpuset.mems", "0", None)]


def test_pids_are_the_same_on_both() -> None:
    assert pairs(pids.v1(LIMITS, nothing)) == pairs(pids.v2(LIMITS, nothing)) == [("pids.max", "10")]


def test_nothing_is_written_without_limits() -> None:
    assert [rules(Resources(), everything) for rules in ALL_RULES] == [[]] * len(ALL_RULES)


BLOCK_IO = Resources(
    block_io=BlockIo(
        weight=500,
        weight_device=(WeightDevice(8, 0, 10),),
        throttle_read_bps_device=(ThrottleDevice(8, 0, 1000),),
        throttle_write_iops_device=(ThrottleDevice(8, 16, 5),),
    )
)


def test_block_io_on_v1_is_written_where_this_kernel_has_it() -> None:
    assert pairs(io.v1(BLOCK_IO, everything)) == [
        ("blkio.bfq.weight", "500"),
        ("blkio.bfq.weight_device", "8:0 10"),
        ("blkio.throttle.read_bps_device", "8:0 1000"),
        ("blkio.throttle.write_iops_device", "8:16 5"),
    ]
    assert pairs(io.v1(BLOCK_IO, nothing))[0] == ("blkio.weight", "500")


def test_block_io_on_v2_is_scaled_unless_bfq_takes_it() -> None:
    assert pairs(io.v2(BLOCK_IO, nothing)) == [
        ("io.weight", "default 4950"),
        ("io.weight", "8:0 1"),
        ("io.max", "8:0 rbps=1000"),
        ("io.max", "8:16 wiops=5"),
    ]
    assert pairs(io.v2(BLOCK_IO, everything))[0] == ("io.bfq.weight", "default 500")


def test_each_ceiling_of_a_device_can_be_cleared_by_itself() -> None:
    ceilings = io.v2(BLOCK_IO, nothing)[2:]
    assert [setting.cleared for setting in ceilings] == ["8:0 rbps=max", "8:16 wiops=max"]
    assert len({setting.entry for setting in ceilings}) == 2


def test_huge_pages_that_are_only_reserved_count_too_where_the_kernel_counts_them() -> None:
    asked = Resources(hugepage_limits=(HugepageLimit("2MB", 4 << 20),))
    assert pairs(hugetlb.v1(asked, nothing)) == [("hugetlb.2MB.limit_in_bytes", str(4 << 20))]
    assert [name for name, _ in pairs(hugetlb.v2(asked, everything))] == ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"]


def test_rdma_and_network() -> None:
    asked = Resources(rdma={"mlx5_0": Rdma(2, None)}, network=Network(7, (InterfacePriority("eth0", 5),)))
    assert pairs(rdma.v2(asked, nothing)) == [("rdma.max", "mlx5_0 hca_handle=2")]
    assert pairs(network.classes(asked, nothing)) == [("net_cls.classid", "7")]
    assert pairs(network.priorities(asked, nothing)) == [("net_prio.ifpriomap", "eth0 5")]


def test_files_a_bundle_names_itself_must_belong_to_a_controller_that_is_there() -> None:
    asked = Resources(unified={"memory.high": "5", "io.max": "8:0 rbps=1\n8:16 rbps=2"})
    found = unified.v2(asked, ("memory", "io"))
    assert pairs(found) == [("memory.high", "5"), ("io.max", "8:0 rbps=1"), ("io.max", "8:16 rbps=2")]
    assert [setting.entry for setting in found] == ["", "8:0", "8:16"]
    with pytest.raises(Unsupported, match="controller io"):
        unified.v2(asked, ("memory",))
    with pytest.raises(InvalidSpec):
        unified.v2(Resources(unified={"../memory.high": "5"}), ("memory",))
