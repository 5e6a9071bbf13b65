"""What a running container uses, and which processes it has."""

import asyncio
import time

import pytest

from engine import Conflict, InvalidSpec, NetworkMode, Resources
from tests.services.host import Host
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2
MIB = 1 << 20
BUSY = ("sh", "-c", "while :; do :; done")


@pytest.mark.v2_smoke
def test_what_is_used_is_told_in_the_kernels_numbers(host: Host) -> None:
    script = "x=$(head -c 4000000 /dev/zero | tr '\\0' x); while :; do sleep 0.01; done"
    container = host.start("sh", "-c", script, resources=Resources(memory_bytes=64 * MIB, pids=20))
    wait_until(lambda: host.engine.stats(container).memory.anon_bytes > 3 * MIB, "the memory is in use")
    found = host.engine.stats(container)
    assert (found.id, found.run) == (container, 1)
    assert found.cpu.total_ns > 0
    assert found.memory.limit_bytes == 64 * MIB
    assert 3 * MIB < found.memory.anon_bytes <= found.memory.working_set_bytes <= found.memory.usage_bytes < 64 * MIB
    assert found.memory.peak_bytes is None or found.memory.peak_bytes >= found.memory.usage_bytes
    assert 1 <= found.pids.current <= 20
    assert (found.pids.limit, found.memory.oom_kills, found.rates) == (20, 0, None)
    assert [item.name for item in found.networks] == ["lo"]
    assert set(found.pressure) == ({"cpu", "memory", "io"} if host.engine.capabilities().pressure else set())
    assert found.to_json()["memory"]["limit_bytes"] == 64 * MIB
    host.engine.remove(container, force=True)


def test_the_hosts_traffic_is_not_the_containers(host: Host) -> None:
    container = host.start("sleep", "60", network=NetworkMode.HOST)
    assert host.engine.stats(container).networks == ()
    host.engine.remove(container, force=True)


def test_throttling_is_counted(host: Host) -> None:
    container = host.start(*BUSY, resources=Resources(cpus=0.1))
    wait_until(lambda: host.engine.stats(container).cpu.throttled_periods > 1, "it was throttled")
    found = host.engine.stats(container).cpu
    assert found.throttled_periods <= found.periods
    assert found.throttled_ns > 0
    host.engine.remove(container, force=True)


async def test_a_stream_has_rates_and_ends_with_the_run(host: Host) -> None:
    container = await asyncio.to_thread(host.start, *BUSY, resources=Resources(cpus=0.5))
    found = []
    async for stats in host.engine.stats_stream(container, interval_s=0.3):
        found.append(stats)
        if len(found) == 4:
            await asyncio.to_thread(host.engine.kill, container)
    assert found[0].rates is None
    assert all(stats.rates is not None and stats.rates.cpu_percent > 0 for stats in found[1:])
    assert len(found) == 4
    spent_s = (found[3].cpu.total_ns - found[0].cpu.total_ns) / 1e9
    lasted_s = (found[3].uptime_ns - found[0].uptime_ns) / 1e9
    assert spent_s < 0.75 * lasted_s  # half a processor, and what one period of 0.1 s may add


async def test_only_what_runs_has_numbers(host: Host) -> None:
    container = await asyncio.to_thread(host.create, "true")
    with pytest.raises(Conflict, match="is not running"):
        host.engine.stats(container)
    with pytest.raises(Conflict, match="has no processes"):
        host.engine.top(container)
    with pytest.raises(Conflict):
        await anext(aiter(host.engine.stats_stream(container)))
    with pytest.raises(InvalidSpec, match="interval_s"):
        await anext(aiter(host.engine.stats_stream(container, interval_s=0)))


def test_top_lists_every_process_by_both_of_its_numbers(host: Host) -> None:
    container = host.start("sh", "-c", "sleep 61 & sleep 62 & wait", user="1000:1000")
    sleeps = {"sleep 61", "sleep 62"}
    wait_until(lambda: sleeps <= {item.command for item in host.engine.top(container).processes}, "all of them run")
    table = host.engine.top(container, ps_args="-o pid,cpid,user,args")
    assert table.titles == ("PID", "CPID", "USER", "COMMAND")
    first, *others = table.processes
    assert (first.pid, first.container_pid) == (host.engine.state(container).pid, 1)
    assert {item.command for item in others} == sleeps
    assert {item.parent_pid for item in others} == {first.pid}
    assert {item.container_uid for item in table.processes} == {1000}
    assert table.rows[0][:3] == (str(first.pid), "1", "1000")
    assert all(item.rss_bytes > 0 and item.threads == 1 and item.age_s < 60 for item in table.processes)
    assert len(host.engine.top(container).rows) == 3
    host.engine.remove(container, force=True)


def test_top_of_a_paused_container_answers(host: Host) -> None:
    container = host.start("sleep", "60")
    host.engine.pause(container)
    assert [item.name for item in host.engine.top(container).processes] == ["sleep"]
    before = host.engine.stats(container).cpu.total_ns
    time.sleep(0.1)
    assert host.engine.stats(container).cpu.total_ns == before
    host.engine.remove(container, force=True)
