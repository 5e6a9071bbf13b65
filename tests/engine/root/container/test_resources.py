"""Limits that the kernel keeps, on whichever version of control groups this host has."""

import time

import pytest

from engine import Resources
from tests.services.host import Host

pytestmark = pytest.mark.v2
EAT = ("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")


@pytest.mark.v2_smoke
def test_too_much_memory_is_an_oom_kill_and_told_apart_from_a_kill(host: Host) -> None:
    state, output = host.finish(*EAT, resources=Resources(memory_bytes=16 << 20))
    assert (state.exit_code, state.oom_killed, output) == (137, True, "")
    container = host.start("sleep", "60", resources=Resources(memory_bytes=16 << 20))
    killed = host.engine.kill(container)
    assert (killed.exit_code, killed.oom_killed) == (137, False)


def test_no_more_processes_than_allowed(host: Host) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait"
    _, output = host.finish("sh", "-c", script, resources=Resources(pids=4))
    assert "can't fork" in output


def test_a_share_of_a_processor_is_not_exceeded(host: Host) -> None:
    container = host.start("sh", "-c", "while :; do :; done", resources=Resources(cpus=0.2))
    before = used_s(host, container)
    time.sleep(1.5)
    used = used_s(host, container) - before
    host.engine.kill(container)
    assert 0.05 < used < 0.6


def used_s(host: Host, container: str) -> float:
    """Processor time of the first process: utime and stime of proc(5), clock ticks."""
    pid = host.engine.state(container).pid
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_nothing_of_a_control_group_is_left_after_the_end(host: Host) -> None:
    state, _ = host.finish("true", resources=Resources(memory_bytes=64 << 20, pids=5))
    assert state.id not in host.engine._runtime.cgroups.names()
