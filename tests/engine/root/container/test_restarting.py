"""Restart policies: kept by the shim, while nothing else of the engine is there; given up when somebody says so."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from engine import Condition, Conflict, ContainerState, Resources, Restart, RestartPolicy, Status, Update
from engine.container import asked, runs
from engine.container.asked import Asker
from engine.launcher import records
from tests.services.host import Host, await_launcher, start_launcher
from tests.services.processes import wait_until

ALWAYS = RestartPolicy(Restart.ALWAYS)
UNLESS_STOPPED = RestartPolicy(Restart.UNLESS_STOPPED)


def folder_of(host: Host, container: str) -> Path:
    return host.home / "containers" / container


def shim_of(host: Host, container: str) -> int:
    return int((folder_of(host, container) / "shim.lock").read_text())


def has_shim(host: Host, container: str) -> bool:
    return records.has_shim(str(folder_of(host, container)))


def kill_all_that_guards(host: Host, *containers: str) -> None:
    """Kill launcher, shims and programs; return when they are gone."""
    pids = [pid for container in containers if (pid := host.engine.state(container).pid)]
    host.launcher.kill()
    host.launcher.wait()
    for victim in [*(shim_of(host, container) for container in containers), *pids]:
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not any(has_shim(host, container) for container in containers), "the shims have gone")
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the programs have gone")


def wait_for_run(host: Host, container: str, run: int, status: Status = Status.RUNNING) -> ContainerState:
    def has_come() -> bool:
        state = host.engine.state(container)
        return state.run >= run and state.status is status

    wait_until(has_come, f"run {run} is {status}", timeout_s=20)
    return host.engine.state(container)


def group_exists(host: Host, container: str) -> bool:
    return container in host.engine._runtime.cgroups.names()


@pytest.mark.v2
@pytest.mark.v2_smoke
def test_on_failure_tries_as_often_as_it_may_with_pauses_twice_as_long_each_time(host: Host) -> None:
    container = host.start("sh", "-c", "echo x; exit 3", restart=RestartPolicy(Restart.ON_FAILURE, 2))
    state = wait_for_run(host, container, 3, Status.EXITED)
    assert (state.exit_code, state.restart_count, state.restart_at) == (3, 2, "")
    assert host.output(container).split() == ["x"] * 3
    deaths = host.engine.inspect(container)["deaths"]
    assert [(death["run"], death["restarts"], death["restart_ms"]) for death in deaths] == [
        (3, 2, None),
        (2, 1, 200),
        (1, 0, 100),
    ]
    wait_until(lambda: not group_exists(host, container), "its control groups have gone")
    assert host.engine.start(container).restart_count == 0
    assert wait_for_run(host, container, 6, Status.EXITED).restart_count == 2


def test_on_failure_is_content_with_success(host: Host) -> None:
    state, _ = host.finish("true", restart=RestartPolicy(Restart.ON_FAILURE))
    time.sleep(0.3)
    assert host.engine.state(state.id) == state
    assert state.run == 1


@pytest.mark.parametrize("policy", [ALWAYS, UNLESS_STOPPED])
def test_what_somebody_stops_stays_stopped(host: Host, policy: RestartPolicy) -> None:
    container = host.start("sh", "-c", "sleep 0.05", restart=policy)
    wait_for_run(host, container, 2)
    state = host.engine.stop(container, timeout_s=0, asked_by="alice")
    assert (state.status, state.restart_at) == (Status.EXITED, "")
    time.sleep(0.3)
    assert host.engine.state(container) == state
    wait_until(lambda: not group_exists(host, container), "its control groups have gone")


@pytest.mark.v2
@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_a_restart_that_is_waited_for_can_be_called_off(host: Host, verb: str) -> None:
    container = host.start("false", restart=ALWAYS)
    waiting = wait_for_run(host, container, 3, Status.RESTARTING)
    assert waiting.restart_at > waiting.finished_at
    assert group_exists(host, container)
    with pytest.raises(Conflict, match="is restarting and cannot be removed"):
        host.engine.remove(container)
    began = time.monotonic()
    called_off = getattr(host.engine, verb)(container)
    assert called_off.status is Status.EXITED
    assert called_off.seq > waiting.seq
    assert time.monotonic() - began < 2
    wait_until(lambda: not group_exists(host, container), "its control groups have gone")
    host.engine.remove(container)


def test_a_start_does_not_wait_for_the_policys_turn(host: Host) -> None:
    container = host.start("sh", "-c", "test -e /root/ready && exec sleep 60; touch /root/ready; false", restart=ALWAYS)
    wait_for_run(host, container, 1, Status.RESTARTING)
    state = host.engine.start(container)
    assert (state.status, state.restart_count) == (Status.RUNNING, 0)
    time.sleep(0.4)
    assert host.engine.state(container) == state


def test_another_signal_than_that_to_stop_leaves_the_policy_in_force(host: Host) -> None:
    container = host.start("sh", "-c", "trap 'exit 0' USR1; echo ready; while :; do sleep 0.02; done", restart=ALWAYS)
    host.wait_for_output(container, "ready")
    host.engine.kill(container, signal="USR1")
    wait_for_run(host, container, 2)
    assert host.engine.kill(container).status is Status.EXITED


def test_a_policy_that_is_changed_counts_at_once(host: Host) -> None:
    container = host.start("false", restart=ALWAYS)
    wait_for_run(host, container, 3, Status.RESTARTING)
    host.engine.update(container, Update(restart=RestartPolicy()))
    assert wait_for_run(host, container, 3, Status.EXITED).restart_at == ""
    host.engine.update(container, Update(restart=RestartPolicy(Restart.ON_FAILURE, 1)))
    host.engine.start(container)
    assert wait_for_run(host, container, 5, Status.EXITED).restart_count == 1


def test_who_waits_is_told_of_each_end(host: Host) -> None:
    container = host.start("sh", "-c", "sleep 0.2; exit 4", restart=RestartPolicy(Restart.ON_FAILURE, 1))
    first = host.engine.wait(container, Condition.NOT_RUNNING, timeout_s=20)
    assert first is not None
    assert (first.status, first.exit_code) == (Status.RESTARTING, 4)
    last = host.engine.wait(container, Condition.NOT_RUNNING, timeout_s=20)
    assert last is not None
    assert (last.status, last.run) == (Status.EXITED, 2)


def test_each_run_is_told_what_it_used_up_itself(host: Host) -> None:
    script = (
        "test -e /root/again && exit 1; touch /root/again; i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; exit 1"
    )
    container = host.start("sh", "-c", script, restart=RestartPolicy(Restart.ON_FAILURE, 1))
    wait_for_run(host, container, 2, Status.EXITED)
    second, first = (death["usage"]["cpu_ns"] for death in host.engine.inspect(container)["deaths"])
    assert 0 < second < first / 2


def test_the_limits_and_the_log_go_on_over_all_runs(host: Host) -> None:
    script = "echo run; cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; exit 1"
    container = host.start(
        "sh", "-c", script, restart=RestartPolicy(Restart.ON_FAILURE, 2), resources=Resources(pids=17)
    )
    wait_for_run(host, container, 3, Status.EXITED)
    assert host.output(container).split() == ["run", "17"] * 3


def test_a_restart_that_cannot_be_started_is_tried_again(host: Host) -> None:
    container = host.start("sh", "-c", "rm /bin/sh; exit 1", restart=RestartPolicy(Restart.ON_FAILURE, 2))
    state = wait_for_run(host, container, 3, Status.EXITED)
    assert (state.exit_code, state.restart_count) == (127, 2)
    assert "no such program" in state.error
    wait_until(lambda: not group_exists(host, container), "its control groups have gone")


async def test_a_follower_stays_over_restarts_and_leaves_when_the_last_run_is_over(host: Host) -> None:
    container = host.start("sh", "-c", "echo x; sleep 0.1; exit 1", restart=RestartPolicy(Restart.ON_FAILURE, 3))
    lines = [line.text async for batch in host.engine.logs(container).follow() for line in batch.lines]
    assert lines == [b"x"] * 4


def test_runs_follow_each_other_while_shims_are_killed(host: Host) -> None:
    container = host.start("sh", "-c", "echo x; sleep 0.1", restart=ALWAYS)
    for _ in range(3):
        os.kill(shim_of(host, container), signal.SIGKILL)
        run = host.engine.state(container).run
        wait_for_run(host, container, run + 1)
    host.engine.stop(container, timeout_s=0)
    assert host.output(container).split() == ["x"] * host.engine.state(container).run
    wait_until(lambda: not group_exists(host, container), "its control groups have gone")


def test_a_shim_killed_between_two_runs_has_a_successor_that_goes_on(host: Host) -> None:
    container = host.start("false", restart=ALWAYS)
    before = wait_for_run(host, container, 3, Status.RESTARTING)
    os.kill(shim_of(host, container), signal.SIGKILL)
    assert wait_for_run(host, container, 4, Status.RESTARTING).restart_count > before.restart_count
    assert host.engine.state(container).exit_code == 1
    assert host.engine.stop(container).status is Status.EXITED


def test_without_a_launcher_the_next_run_waits_for_its_successor(host: Host) -> None:
    container = host.start("sh", "-c", "sleep 0.2; exit 1", restart=ALWAYS)
    host.launcher.kill()
    host.launcher.wait()
    wait_for_run(host, container, 1, Status.RESTARTING)
    time.sleep(0.5)
    assert host.engine.state(container).status is Status.RESTARTING
    host.launcher = start_launcher(host.run)
    await_launcher(host.engine)
    wait_for_run(host, container, 2)
    host.engine.stop(container, timeout_s=0)


def test_when_all_that_guarded_it_is_killed_the_next_start_of_the_host_brings_it_back(host: Host) -> None:
    waiting = host.start("false", restart=ALWAYS)
    before = wait_for_run(host, waiting, 3, Status.RESTARTING)
    running, stopped = host.start("sleep", "60", restart=UNLESS_STOPPED), host.start("sleep", "60", restart=ALWAYS)
    host.engine.stop(stopped, timeout_s=0)
    kill_all_that_guards(host, waiting, running)
    host.launcher = start_launcher(host.run)
    states = {state.id: state for state in host.engine.repair()}
    assert states[running].status is Status.RUNNING
    assert (states[running].run, states[running].restart_count) == (2, 1)
    assert states[waiting].run > before.run
    assert states[stopped].status is Status.EXITED
    for container in (waiting, running):
        host.engine.stop(container, timeout_s=0)


def test_after_a_reboot_those_that_share_come_after_the_one_they_share_with(host: Host) -> None:
    partner = host.start("sleep", "60", restart=UNLESS_STOPPED)
    name = host.engine.state(partner).name
    sharing = [host.start("sleep", "60", restart=UNLESS_STOPPED, network=f"container:{name}") for _ in range(3)]
    kill_all_that_guards(host, partner, *sharing)
    host.launcher = start_launcher(host.run)
    states = {state.id: state for state in host.engine.repair()}
    assert {states[container].status for container in (partner, *sharing)} == {Status.RUNNING}


def test_after_a_reboot_always_brings_back_even_what_was_stopped(host: Host) -> None:
    always, unless = (host.start("sleep", "60", restart=policy) for policy in (ALWAYS, UNLESS_STOPPED))
    for container in (always, unless):
        host.engine.stop(container, timeout_s=0)
        file = folder_of(host, container) / "started.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"boot": "another"}))
    states = {state.id: state for state in host.engine.repair()}
    assert (states[always].status, states[unless].status) == (Status.RUNNING, Status.EXITED)


def test_a_stop_that_was_cut_short_does_not_end_the_policy(host: Host) -> None:
    container = host.start("sleep", "60", restart=ALWAYS)
    asked.write(folder_of(host, container), Asker("stop"), run=1, signal=15, ends=True)
    host.engine.repair()
    os.kill(host.engine.state(container).pid, signal.SIGKILL)
    wait_for_run(host, container, 2)
    started = runs.read_started(folder_of(host, container))
    assert started is not None
    assert started.restarts == 1
