"""What may be asked of a host's resources, and how that is changed."""

import pytest

from engine.errors import InvalidSpec
from engine.spec import codec
from engine.spec.resources import Resources, ResourcesChange, ThrottleDevice, WeightDevice

FULL = Resources(
    memory_bytes=64 << 20,
    memory_reservation_bytes=32 << 20,
    memory_swap_bytes=-1,
    memory_swappiness=0,
    kernel_memory_tcp_bytes=1 << 20,
    oom_kill_disable=True,
    cpu_quota_us=20000,
    cpu_period_us=100000,
    cpu_shares=512,
    cpu_rt_runtime_us=950,
    cpu_rt_period_us=1000,
    cpuset_cpus="0-1,3",
    cpuset_mems="0",
    pids=10,
    blkio_weight=300,
    blkio_weight_devices=(WeightDevice("/dev/vda", 10),),
    device_read_bps=(ThrottleDevice("/dev/vda", 1 << 20),),
    device_write_iops=(ThrottleDevice("/dev/vda", 100),),
    hugepage_bytes={"2MB": 2 << 20},
)


def test_limits_survive_the_way_to_json_and_back() -> None:
    FULL.validate()
    assert codec.from_json(Resources, codec.to_json(FULL)) == FULL


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Resources(memory_bytes=0), "memory_bytes"),
        (Resources(memory_bytes=8 << 20, memory_swap_bytes=4 << 20), "memory_swap_bytes"),
        (Resources(memory_swap_bytes=4 << 20), "memory_swap_bytes"),
        (Resources(memory_bytes=8 << 20, memory_swap_bytes=-2), "memory_swap_bytes"),
        (Resources(memory_bytes=8 << 20, memory_reservation_bytes=9 << 20), "memory_reservation_bytes"),
        (Resources(memory_swappiness=101), "memory_swappiness"),
        (Resources(cpus=1, cpu_quota_us=1000), "cpu_quota_us"),
        (Resources(cpus=1, cpu_period_us=1000), "cpu_period_us"),
        (Resources(cpu_period_us=999), "cpu_period_us"),
        (Resources(cpu_quota_us=999), "cpu_quota_us"),
        (Resources(cpu_rt_runtime_us=1000001), "cpu_rt_runtime_us"),
        (Resources(cpuset_cpus="0-"), "cpuset_cpus"),
        (Resources(cpuset_cpus="3-1"), "cpuset_cpus"),
        (Resources(cpuset_mems="a"), "cpuset_mems"),
        (Resources(blkio_weight=9), "blkio_weight"),
        (Resources(blkio_weight_devices=(WeightDevice("/dev/x", 1001),)), "blkio_weight_devices[0].weight"),
        (Resources(device_read_bps=(ThrottleDevice("vda", 5),)), "device_read_bps[0].path"),
        (Resources(device_write_iops=(ThrottleDevice("/dev/x", 0),)), "device_write_iops[0].rate"),
        (Resources(hugepage_bytes={"2M": 1}), "hugepage_bytes.2M"),
        (Resources(hugepage_bytes={"2MB": -1}), "hugepage_bytes.2MB"),
    ],
)
def test_a_limit_that_no_host_could_keep_is_refused_by_name(asked: Resources, field: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        asked.validate()
    assert caught.value.field == f"resources.{field}"


def test_a_change_leaves_alone_what_it_does_not_name_and_clears_what_is_null() -> None:
    change = ResourcesChange.from_json(
        {"pids": 5, "memory_swap_bytes": None, "oom_kill_disable": None, "device_read_bps": None, "cpuset_cpus": None}
    )
    changed = change.apply(FULL)
    assert (changed.pids, changed.memory_swap_bytes, changed.oom_kill_disable) == (5, None, False)
    assert (changed.device_read_bps, changed.cpuset_cpus) == ((), "")
    assert (changed.memory_bytes, changed.device_write_iops) == (FULL.memory_bytes, FULL.device_write_iops)
    assert ResourcesChange.from_json({}).apply(FULL) == FULL


def test_a_change_is_checked_together_with_what_stays() -> None:
    with pytest.raises(InvalidSpec, match="memory_swap_bytes"):
        ResourcesChange.from_json({"memory_swap_bytes": 1 << 20}).apply(Resources(memory_bytes=2 << 20))


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "resources"),
        ({"memory": 5}, "resources.memory"),
        ({"memory": None}, "resources.memory"),
        ({"pids": "many"}, "resources.pids"),
        ({"device_read_bps": [{"path": "/dev/x"}]}, "resources.device_read_bps[0].rate"),
    ],
)
def test_a_wrong_change_is_refused_by_the_name_of_its_field(value: object, field: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        ResourcesChange.from_json(value)
    assert caught.value.field == field
