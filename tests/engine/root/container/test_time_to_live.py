"""Containers that go by themselves: after their end, or when their time is over."""

import os
import signal
import time

import pytest

from engine import Condition, NotFound, Restart, RestartPolicy, Status
from tests.services.host import Host
from tests.services.processes import wait_until


def is_there(host: Host, container: str) -> bool:
    return container in {state.id for state in host.engine.states()}


def test_a_throw_away_container_goes_after_its_end_and_has_told_how_it_ended(host: Host) -> None:
    container = host.create("sh", "-c", "exit 9", auto_remove=True)
    assert host.engine.reap() == []
    host.engine.start(container)
    ended = host.engine.wait(container, timeout_s=20)
    assert ended is not None
    assert ended.exit_code == 9
    assert host.engine.reap(container) == [container]
    assert host.engine.reap(container) == []
    with pytest.raises(NotFound):
        host.engine.state(container)


def test_what_nobody_removed_at_its_end_goes_at_the_next_start_of_the_host(host: Host) -> None:
    kept, _ = host.finish("true")
    gone, _ = host.finish("true", auto_remove=True)
    running = host.start("sleep", "60", auto_remove=True)
    assert {kept.id, running} <= {state.id for state in host.engine.repair()}
    assert not is_there(host, gone.id)


@pytest.mark.v2
@pytest.mark.v2_smoke
def test_a_container_whose_time_is_over_is_stopped_by_its_shim_and_then_goes(host: Host) -> None:
    container = host.start("sleep", "60", ttl_s=0.5, stop_timeout_s=0.1, restart=RestartPolicy(Restart.ALWAYS))
    state = host.engine.state(container)
    assert state.created_at < state.expires_at
    assert host.engine.reap(container) == []
    assert host.wait(container).exit_code == 137
    (death,) = host.engine.inspect(container)["deaths"]
    assert (death["asked"]["verb"], death["asked"]["signal"]) == ("expire", "TERM")
    assert 0.3 < death["duration_s"] < 5
    assert host.engine.reap(container) == [container]


def test_the_time_to_live_counts_for_what_does_not_run_and_while_the_next_run_is_waited_for(host: Host) -> None:
    created = host.create("true", ttl_s=0.2)
    failing = host.start("false", ttl_s=1.0, restart=RestartPolicy(Restart.ALWAYS))
    time.sleep(0.2)
    assert host.engine.reap(created) == [created]
    wait_until(lambda: host.engine.state(failing).status is Status.EXITED, "no further run is waited for")
    assert host.engine.reap(failing) == [failing]


@pytest.mark.v2
def test_a_paused_container_whose_time_is_over_ends_too(host: Host) -> None:
    container = host.start("sleep", "60", ttl_s=0.6, stop_timeout_s=0.1)
    host.engine.pause(container)
    ended = host.engine.wait(container, Condition.NOT_RUNNING, timeout_s=20)
    assert ended is not None
    assert ended.status is Status.EXITED


def test_a_stop_that_somebody_asked_for_is_not_cut_short_by_the_end_of_its_time(host: Host) -> None:
    script = "trap 'sleep 0.5; exit 3' TERM; echo ready; while :; do sleep 0.02; done"
    container = host.start("sh", "-c", script, ttl_s=1.0, stop_timeout_s=0.0)
    host.wait_for_output(container, "ready")
    time.sleep(0.4)
    state = host.engine.stop(container, timeout_s=20, asked_by="alice")
    assert state.exit_code == 3
    assert host.engine.inspect(container)["deaths"][0]["asked"]["by"] == "alice"


def test_a_shim_that_is_killed_while_it_ends_a_container_has_a_successor_that_does(host: Host) -> None:
    container = host.start("sleep", "60", ttl_s=0.5, stop_timeout_s=0.3)
    folder = host.home / "containers" / container
    wait_until((folder / "asked.json").exists, "its shim has asked for its end")
    os.kill(int((folder / "shim.lock").read_text()), signal.SIGKILL)
    assert host.wait(container).exit_code == 137
    assert host.engine.inspect(container)["deaths"][0]["asked"]["verb"] == "expire"
