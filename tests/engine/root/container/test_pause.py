"""Pausing: nothing in the container moves, and whatever happens meanwhile leaves it in a state that is true."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine import Conflict, Engine, Status
from engine.cgroups import CgroupManager, Hierarchy
from engine.container import state
from engine.spec.runtime import Resources
from tests.services.host import Host
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2
COUNT = ("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done")


def stands_still(host: Host, container: str) -> bool:
    """Whether it takes no processor time: what it wrote before may still be on its way into the log."""
    before = host.engine.stats(container).cpu.total_ns
    time.sleep(0.2)
    return host.engine.stats(container).cpu.total_ns == before


@pytest.mark.v2_smoke
def test_nothing_moves_while_it_is_paused_and_all_goes_on_after(host: Host) -> None:
    container = host.start(*COUNT)
    running = host.engine.state(container)
    paused = host.engine.pause(container)
    assert (paused.status, paused.pid) == (Status.PAUSED, running.pid)
    assert paused.seq > running.seq
    assert stands_still(host, container)
    assert host.engine.pause(container) == paused
    resumed = host.engine.unpause(container)
    assert resumed.status is Status.RUNNING
    assert resumed.seq > paused.seq
    wait_until(lambda: not stands_still(host, container), "it goes on")
    assert host.engine.unpause(container) == resumed


def test_a_paused_container_stays_so_for_every_engine(host: Host) -> None:
    container = host.start(*COUNT)
    host.engine.pause(container)
    other = Engine(host.home, host.run)
    assert other.state(container).status is Status.PAUSED
    host.restart_launcher()
    other.repair()
    assert stands_still(host, container)
    assert other.unpause(container).status is Status.RUNNING


def test_stop_lets_a_paused_container_hear_its_signal(host: Host) -> None:
    container = host.start("sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done")
    wait_until(lambda: catches(host, container, signal.SIGTERM), "the trap is set")
    host.engine.pause(container)
    ended = host.engine.stop(container, timeout_s=10)
    assert (ended.status, ended.exit_code) == (Status.EXITED, 7)


def catches(host: Host, container: str, number: int) -> bool:
    """Whether the first process has a handler for the signal."""
    text = Path(f"/proc/{host.engine.state(container).pid}/status").read_text()
    return bool(int(text.split("SigCgt:")[1].split()[0], 16) >> (number - 1) & 1)


def test_kill_and_forced_removal_end_a_paused_container(host: Host) -> None:
    killed, removed = host.start("sleep", "60"), host.start("sleep", "60")
    host.engine.pause(killed)
    host.engine.pause(removed)
    assert host.engine.kill(killed).exit_code == 137
    with pytest.raises(Conflict, match="is paused and cannot be removed"):
        host.engine.remove(removed)
    host.engine.remove(removed, force=True)
    assert host.engine.start(killed).status is Status.RUNNING
    host.engine.kill(killed)


def test_other_signals_wait_until_it_is_unpaused(host: Host) -> None:
    container = host.start("sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.05; done")
    wait_until(lambda: catches(host, container, signal.SIGUSR1), "the trap is set")
    host.engine.pause(container)
    assert host.engine.kill(container, signal="USR1").status is Status.PAUSED
    host.engine.unpause(container)
    assert host.wait(container).exit_code == 9


def test_only_what_runs_can_be_paused_and_what_is_paused_cannot_be_started(host: Host) -> None:
    container = host.create("sleep", "60")
    for verb in (host.engine.pause, host.engine.unpause):
        with pytest.raises(Conflict, match="is created and cannot be"):
            verb(container)
    host.engine.start(container)
    host.engine.pause(container)
    with pytest.raises(Conflict, match="is paused and cannot be started"):
        host.engine.start(container)
    host.engine.kill(container)


def test_repair_finishes_a_pause_that_was_cut_short(host: Host) -> None:
    container = host.start(*COUNT)
    folder = host.home / "containers" / container
    record = state.load_record(folder)
    state.save(folder, replace(record, paused_run=record.run))  # killed here, before anything was frozen
    host.engine.repair()
    assert stands_still(host, container)
    state.save(folder, replace(state.load_record(folder), paused_run=0))  # and here before it was thawed
    host.engine.repair()
    wait_until(lambda: not stands_still(host, container), "it goes on")
    host.engine.kill(container)


def test_the_freezer_of_v1_does_the_same() -> None:
    root = Path("/sys/fs/cgroup/freezer")
    if not (root / "tasks").exists():
        pytest.skip("the v1 freezer is not mounted")
    manager = CgroupManager(f"moorage-test-{os.getpid()}", [Hierarchy(root, 1, ("freezer",))])
    manager.create("x", Resources())
    pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    try:
        (root / manager.parent / "x/cgroup.procs").write_text(str(pid))
        manager.freeze("x")
        assert manager.is_frozen("x")
        manager.thaw("x")
        assert not manager.is_frozen("x")
        manager.freeze("x")
    finally:
        manager.kill("x")
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == 9
        manager.remove("x")
        (root / manager.parent).rmdir()
