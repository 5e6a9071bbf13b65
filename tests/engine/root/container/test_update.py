"""Limits changed while the container runs, or before it does: each value, its clearing, and the refused ones."""

import itertools
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine import InvalidSpec, KernelError, Resources, ResourcesChange, Status, Unsupported, Update
from engine.container import state, update
from engine.spec.devices import Device
from engine.spec.runtime import Cpu, Memory, Pids
from engine.spec.runtime import Resources as OciResources
from tests.services.host import Host
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2
MIB = 1 << 20


def change(**values: object) -> Update:
    return Update(ResourcesChange(values))


def limit(host: Host, container: str, v1_file: str, v2_file: str) -> str:
    """What the container's control group says now, in whichever hierarchy has the file."""
    for folder in host.engine._runtime.cgroups.find(container).folders:
        for name in (v1_file, v2_file):
            if Path(folder, name).exists():
                return Path(folder, name).read_text().strip()
    pytest.skip(f"this kernel has neither {v1_file} nor {v2_file}")


UNLIMITED = ("max", str((1 << 63) - 4096), str((1 << 63) - (1 << 21)))
"""How files of either version say so: the largest whole number of pages, of whichever size."""


def memory(host: Host, container: str) -> str:
    return limit(host, container, "memory.limit_in_bytes", "memory.max")


def is_v2(host: Host) -> bool:
    return bool(host.engine.capabilities().cgroups == "v2")


CASES: list[tuple[dict[str, object], str, str, str, str]] = [
    ({"memory_bytes": 32 * MIB}, "memory.limit_in_bytes", "memory.max", str(32 * MIB), str(32 * MIB)),
    ({"memory_reservation_bytes": 16 * MIB}, "memory.soft_limit_in_bytes", "memory.low", str(16 * MIB), str(16 * MIB)),
    ({"cpus": 0.5}, "cpu.cfs_quota_us", "cpu.max", "50000", "50000 100000"),
    ({"cpu_quota_us": 20000, "cpu_period_us": 50000}, "cpu.cfs_period_us", "cpu.max", "50000", "20000 50000"),
    ({"cpu_shares": 2048}, "cpu.shares", "cpu.weight", "2048", "79"),
    ({"cpuset_cpus": "0"}, "cpuset.cpus", "cpuset.cpus", "0", "0"),
    ({"cpuset_mems": "0"}, "cpuset.mems", "cpuset.mems", "0", "0"),
    ({"cpu_rt_runtime_us": 10000}, "cpu.rt_runtime_us", "none", "10000", ""),
    ({"kernel_memory_tcp_bytes": MIB}, "memory.kmem.tcp.limit_in_bytes", "none", str(MIB), ""),
    ({"memory_swappiness": 10}, "memory.swappiness", "none", "10", ""),
    ({"pids": 7}, "pids.max", "pids.max", "7", "7"),
    ({"blkio_weight": 300}, "blkio.bfq.weight", "io.weight", "300", "default 2930"),
    ({"hugepage_bytes": {"2MB": 4 * MIB}}, "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max", str(4 * MIB), str(4 * MIB)),
]


@pytest.mark.parametrize(
    ("values", "v1_file", "v2_file", "v1", "v2"), CASES, ids=[next(iter(case[0])) for case in CASES]
)
def test_each_limit_is_changed_at_once_and_cleared_again(
    host: Host, values: dict[str, object], v1_file: str, v2_file: str, v1: str, v2: str
) -> None:
    container = host.start("sleep", "60")
    try:
        before = limit(host, container, v1_file, v2_file)
        host.engine.update(container, change(**values))
        held = limit(host, container, v1_file, v2_file)
        assert held != before or v1_file == "cpuset.mems"  # most machines have one node of memory
        assert held in (v1, v2)
        host.engine.update(container, change(**dict.fromkeys(values)))
        cleared = limit(host, container, v1_file, v2_file)
        if v1_file.startswith("cpuset"):  # a group with processes may not be without: all of the host's then
            before = before or Path("/sys/fs/cgroup", f"{v2_file}.effective").read_text().strip()
        assert cleared == before or {cleared, before} <= set(UNLIMITED)
    finally:
        host.engine.remove(container, force=True)


def test_ceilings_of_a_device_are_changed_and_cleared_one_by_one(host: Host) -> None:
    device = next(path for path in ("/dev/vda", "/dev/vdb", "/dev/loop0") if Path(path).exists())
    container = host.start("sleep", "60")
    ceiling = {"path": device, "rate": 1048576}
    try:
        asked = {"resources": {"device_read_bps": [ceiling], "device_write_iops": [ceiling | {"rate": 100}]}}
        host.engine.update(container, Update.from_json(asked))
        assert "1048576" in limit(host, container, "blkio.throttle.read_bps_device", "io.max")
        host.engine.update(container, Update.from_json({"resources": {"device_read_bps": None}}))
        assert "1048576" not in limit(host, container, "blkio.throttle.read_bps_device", "io.max")
        assert "100" in limit(host, container, "blkio.throttle.write_iops_device", "io.max")
    finally:
        host.engine.remove(container, force=True)


def test_the_oom_killer_stays_away_when_asked_to_and_comes_back(host: Host) -> None:
    if is_v2(host):
        with pytest.raises(Unsupported, match="disableOOMKiller"):
            host.create("true", resources=Resources(oom_kill_disable=True))
        return
    container = host.start("sleep", "60", resources=Resources(oom_kill_disable=True, memory_bytes=32 * MIB))
    assert "oom_kill_disable 1" in limit(host, container, "memory.oom_control", "none")
    assert host.engine.state(container).warnings == ()
    boundless = host.create("true", resources=Resources(oom_kill_disable=True))
    assert "no limit of memory" in host.engine.state(boundless).warnings[0]
    host.engine.update(container, change(oom_kill_disable=None))
    assert "oom_kill_disable 0" in limit(host, container, "memory.oom_control", "none")
    host.engine.remove(container, force=True)


@pytest.mark.v2_smoke
def test_memory_goes_up_and_down_together_with_its_swap(host: Host) -> None:
    container = host.start("sleep", "60", resources=Resources(memory_bytes=32 * MIB))
    for size in (256 * MIB, 16 * MIB, None):
        host.engine.update(container, change(memory_bytes=size))
        held = memory(host, container)
        assert held == str(size) if size else held in UNLIMITED
    host.engine.remove(container, force=True)


def test_a_share_changes_its_period_below_a_parent_that_has_a_share_itself(host: Host) -> None:
    parent, manager = f"/moorage-test-{os.getpid()}", host.engine._runtime.cgroups
    manager.create(parent, OciResources(cpu=Cpu(quota=50000, period=100000)))
    container = host.start(
        "sleep", "60", cgroup_parent=parent, resources=Resources(cpu_quota_us=40000, cpu_period_us=100000)
    )
    try:
        for quota, period in ((4000, 10000), (40000, 100000), (1000, 100000)):
            host.engine.update(container, change(cpu_quota_us=quota, cpu_period_us=period))
        if not is_v2(host):  # which lets a group ask for more than it gets
            with pytest.raises(KernelError, match="Invalid argument"):
                host.engine.update(container, change(cpu_quota_us=60000))
    finally:
        host.engine.remove(container, force=True)
        manager.remove(parent)


def test_a_refused_limit_leaves_the_old_ones_in_force_and_on_record(host: Host) -> None:
    container = host.start("sleep", "60", resources=Resources(memory_bytes=32 * MIB, pids=10))
    known = host.engine.inspect(container)
    with pytest.raises(InvalidSpec, match="cpuset_cpus: 4000 is not there"):
        host.engine.update(container, change(pids=20, cpuset_cpus="0,4000"))
    before = update._config(host.home / "containers" / container).linux.resources
    refused = Cpu(quota=1)  # the kernel wants a millisecond at least; no specification that is checked gets this far
    after = replace(before, pids=Pids(20), cpu=refused, memory=Memory(64 * MIB, 128 * MIB))
    with pytest.raises(KernelError, match=r"cpu\.(max|cfs_quota_us)"):
        host.engine._runtime.cgroups.update(container, before, after)
    assert (memory(host, container), limit(host, container, "pids.max", "pids.max")) == (str(32 * MIB), "10")
    assert host.engine.inspect(container) == known
    host.engine.remove(container, force=True)


def test_what_this_host_cannot_keep_is_refused_by_name_at_creation_and_later(host: Host) -> None:
    if not is_v2(host):
        pytest.skip("v1 has a swappiness")
    with pytest.raises(Unsupported, match="swappiness"):
        host.create("true", resources=Resources(memory_swappiness=10))
    container = host.create("true")
    with pytest.raises(Unsupported, match="swappiness"):
        host.engine.update(container, change(memory_swappiness=10))


def test_a_stopped_container_has_its_new_limits_from_its_next_start_on(host: Host) -> None:
    container = host.create("sleep", "60", resources=Resources(pids=10))
    seq = host.engine.state(container).seq
    assert host.engine.update(container, change(pids=None, memory_bytes=24 * MIB)).seq == seq + 1
    assert host.engine.inspect(container)["spec"]["resources"]["memory_bytes"] == 24 * MIB
    host.engine.start(container)
    assert (memory(host, container), limit(host, container, "pids.max", "pids.max")) == (str(24 * MIB), "max")
    host.engine.remove(container, force=True)


def test_the_same_again_changes_nothing(host: Host) -> None:
    container = host.create("true", resources=Resources(pids=10))
    before = host.engine.state(container)
    assert host.engine.update(container, change(pids=10)) == before


def test_device_rules_are_changed_while_it_runs(host: Host) -> None:
    path = next(path for path in ("/dev/fuse", "/dev/autofs", "/dev/kmsg") if Path(path).exists())
    numbers = f"{os.major(os.stat(path).st_rdev)}:{os.minor(os.stat(path).st_rdev)}"
    script = f"while :; do (: < {path}) 2>&1 | grep -q 'not permitted' && echo no || echo yes; sleep 0.05; done"
    container = host.start("sh", "-c", script, devices=(Device(path, access="m"),))
    said = ["no"]
    wait_until(lambda: answers(host, container) == said, "the device is closed")
    for rules, answer in (((f"c {numbers} r",), "yes"), ((), "no")):
        host.engine.update(container, Update(device_cgroup_rules=rules))
        said.append(answer)
        wait_until(lambda: answers(host, container) == said, f"the device is open: {answer}")
    host.engine.remove(container, force=True)


def answers(host: Host, container: str) -> list[str]:
    """What the container said, each change of it once."""
    return [answer for answer, _ in itertools.groupby(host.output(container).split())]


class Killed(BaseException):
    """Stands for a kill -9 at this very place."""


@pytest.mark.parametrize("step", range(5))
def test_an_update_cut_short_at_any_step_is_finished_or_undone(
    host: Host, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    container = host.start("sleep", "60", resources=Resources(memory_bytes=32 * MIB, pids=10))
    folder = host.home / "containers" / container
    steps = iter(range(5))

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*arguments: object, **named: object) -> object:
            if next(steps, -1) == step:
                raise Killed
            return call(*arguments, **named)

        return wrapped

    with monkeypatch.context() as patched:
        for name in ("_write", "_limit", "_forget"):
            patched.setattr(update, name, dying(getattr(update, name)))
        with pytest.raises(Killed):
            host.engine.update(container, change(pids=20, memory_bytes=64 * MIB))
    host.engine.repair()
    assert not (folder / "update.json").exists()
    spec = json.loads((folder / "spec.json").read_bytes())["resources"]
    config = update._config(folder).linux.resources
    assert config.pids is not None
    assert config.memory is not None
    held = (int(memory(host, container)), int(limit(host, container, "pids.max", "pids.max")))
    assert held == (spec["memory_bytes"], spec["pids"]) == (config.memory.limit, config.pids.limit)
    assert held == ((32 * MIB, 10) if step < 3 else (64 * MIB, 20))
    assert host.engine.state(container).status is Status.RUNNING
    assert state.load_record(folder).paused_run == 0
    host.engine.remove(container, force=True)
