"""Nothing dies with the panel: its processes are killed in any order, and no container, line or exit is lost."""

import os
import random
import signal
import time

import pytest

from tests.faults.conftest import Counter, done, is_alive
from tests.services.panel import Panel
from tests.services.processes import wait_until

PROCESSES = ("web", "panel-worker", "host-worker", "agent", "launcher", "redis")


def assert_all_lines_arrived(lines: list[str]) -> None:
    """Lines 1..N, each once and in order; `last` may follow."""
    counted = [line for line in lines if line != "last"]
    assert counted == [f"line {number}" for number in range(1, len(counted) + 1)]
    assert len(counted) > 10


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_processes_killed_in_any_order_stop_no_container_and_lose_no_line(
    mortal_panel: Panel, counter: Counter, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  (an order, not a secret)
    pid = counter.state()["pid"]
    order = chance.sample(PROCESSES, len(PROCESSES))

    for name in order:
        mortal_panel.kill(name)
        time.sleep(chance.uniform(0, 0.4))
    mortal_panel.wait_ready()

    assert is_alive(pid)
    counter.wait_for_more_lines()
    state = counter.state()
    assert (state["status"], state["pid"]) == ("running", pid)
    done(mortal_panel.request("POST", f"containers/{counter.id}/kill/", {}, wait_s=30))
    wait_until(lambda: counter.state()["status"] == "exited", "the panel records the end")
    assert counter.state()["exit_code"] == 137
    assert_all_lines_arrived(counter.lines())


@pytest.mark.timeout(180)
def test_an_exit_while_the_whole_panel_is_down_is_picked_up_by_the_next_start(
    mortal_panel: Panel, counter: Counter
) -> None:
    pid = counter.state()["pid"]
    counter.wait_for_more_lines(12)

    mortal_panel.kill_all()
    time.sleep(0.5)
    os.kill(pid, signal.SIGUSR1)
    wait_until(lambda: not is_alive(pid), "the container ends by itself")
    mortal_panel.start()

    wait_until(lambda: counter.state()["status"] == "exited", "the panel records the exit")
    assert counter.state()["exit_code"] == 7
    assert counter.lines()[-1] == "last"
    assert_all_lines_arrived(counter.lines())


@pytest.mark.timeout(180)
def test_a_stopped_panel_leaves_containers_running_and_finds_them_again(mortal_panel: Panel, counter: Counter) -> None:
    pid = counter.state()["pid"]

    mortal_panel.stop()
    assert is_alive(pid)
    mortal_panel.start()

    assert is_alive(pid)
    counter.wait_for_more_lines(12)
    assert counter.state()["pid"] == pid
    assert_all_lines_arrived(counter.lines())


@pytest.mark.timeout(180)
def test_an_exit_while_the_agent_is_dead_is_recorded(mortal_panel: Panel, counter: Counter) -> None:
    pid = counter.state()["pid"]
    counter.wait_for_more_lines(12)

    mortal_panel.kill("agent")
    os.kill(pid, signal.SIGUSR1)

    wait_until(lambda: counter.state()["status"] == "exited", "the panel records the exit", timeout_s=40)
    assert counter.state()["exit_code"] == 7


@pytest.mark.timeout(180)
@pytest.mark.parametrize("victim", ["host-worker", "panel-worker", "redis"])
def test_an_operation_interrupted_by_a_kill_is_finished_afterwards(
    mortal_panel: Panel, counter: Counter, victim: str
) -> None:
    status, operation = mortal_panel.request("POST", f"containers/{counter.id}/stop/", {"timeout_s": 2})
    assert status == 202, operation

    mortal_panel.kill(victim)

    def outcome() -> str:
        return str(mortal_panel.request("GET", f"operations/{operation['id']}/")[1]["status"])

    wait_until(lambda: outcome() not in ("queued", "running"), "the operation ends", timeout_s=90)
    assert outcome() == "done"
    assert counter.state()["status"] == "exited"


@pytest.mark.timeout(180)
def test_a_start_asked_for_while_the_broker_is_dead_is_done_when_it_is_back(
    mortal_panel: Panel, counter: Counter
) -> None:
    done(mortal_panel.request("POST", f"containers/{counter.id}/kill/", {}, wait_s=30))
    wait_until(lambda: counter.state()["status"] == "exited", "the container has ended")

    mortal_panel.kill("redis")
    status, operation = mortal_panel.request("POST", f"containers/{counter.id}/start/", {})

    assert status == 202, operation
    wait_until(lambda: counter.state()["status"] == "running", "the container runs", timeout_s=60)
