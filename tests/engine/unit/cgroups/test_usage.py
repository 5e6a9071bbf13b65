"""What the kernel's files say of a group's use, on either version; texts as kernels write them."""

from pathlib import Path

import pytest

from engine.cgroups import Hierarchy, usage
from engine.cgroups.places import Places
from engine.spec.stats import CpuStats, DeviceIo, PidsStats, Stall, Stalls

V2 = {
    "cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7\n",
    "memory.current": "1000\n",
    "memory.stat": "anon 300\nfile 600\ninactive_file 400\nactive_file 200\n",
    "memory.max": "max\n",
    "memory.peak": "2000\n",
    "memory.swap.current": "0\n",
    "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n",
    "io.stat": "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n7:0 \n",
    "pids.current": "3\n",
    "pids.max": "10\n",
    "cpu.pressure": "some avg10=1.50 avg60=0.50 avg300=0.10 total=12345\n",
    "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.0 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.0 total=4\n",
}
V1 = {
    "cpuacct.usage": "30000\n",
    "cpuacct.usage_user": "20000\n",
    "cpuacct.usage_sys": "10000\n",
    "cpuacct.usage_percpu": "10000 20000 \n",
    "cpu.stat": "nr_periods 5\nnr_throttled 2\nthrottled_time 7000\n",
    "memory.usage_in_bytes": "1000\n",
    "memory.stat": "cache 1\nrss 2\ntotal_cache 600\ntotal_rss 300\ntotal_inactive_file 400\ntotal_swap 0\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
    "memory.max_usage_in_bytes": "2000\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    "blkio.throttle.io_service_bytes_recursive": "254:0 Read 4096\n254:0 Write 8192\n254:0 Total 12288\nTotal 12288\n",
    "blkio.throttle.io_serviced_recursive": "254:0 Read 1\n254:0 Write 2\n254:0 Total 3\nTotal 3\n",
    "pids.current": "3\n",
    "pids.max": "10\n",
}


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """A host of either version with one group, `x`."""
    controllers = {1: ("memory", "cpu", "cpuacct", "blkio", "pids"), 2: ("memory", "cpu", "io", "pids")}
    folder = tmp_path / "m" / "x"
    folder.mkdir(parents=True)
    for name, text in (V1 if request.param == 1 else V2).items():
        (folder / name).write_text(text)
    return Places([Hierarchy(tmp_path, request.param, controllers[request.param])], "/m/x")


def is_v1(at: Places) -> bool:
    return at.hierarchies[0].version == 1


def test_processor_time(at: Places) -> None:
    per_cpu = (10000, 20000) if is_v1(at) else ()
    assert usage.cpu(at) == CpuStats(30000, 20000, 10000, per_cpu, 5, 2, 7000)


def test_the_working_set_is_what_the_kernel_would_not_drop_first(at: Places) -> None:
    found = usage.memory(at)
    assert (found.usage_bytes, found.working_set_bytes) == (1000, 600)
    assert (found.anon_bytes, found.file_bytes, found.swap_bytes) == (300, 600, 0)
    assert (found.limit_bytes, found.peak_bytes, found.oom_kills) == (None, 2000, 1)


def test_traffic_by_device(at: Places) -> None:
    found = usage.block_io(at)
    assert found[0] == DeviceIo(254, 0, 4096, 8192, 1, 2)
    assert found[1:] == (() if is_v1(at) else (DeviceIo(7, 0),))


def test_processes_and_their_limit(at: Places) -> None:
    assert usage.pids(at) == PidsStats(3, 10)


def test_pressure_is_there_where_the_kernel_keeps_it(at: Places) -> None:
    found = usage.pressure(at)
    if is_v1(at):
        assert found == {}
    else:
        assert found["cpu"] == Stalls(Stall(1.5, 0.5, 0.1, 12345))
        assert found["memory"].full == Stall(0, 0, 0, 4)
        assert "io" not in found
