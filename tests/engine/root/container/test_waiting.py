"""wait: each of its conditions, blocking and on an event loop, and whatever becomes of the container meanwhile."""

import asyncio
import os
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import Condition, ContainerState, NotFound, Status
from engine.container import state as states
from engine.container import wait
from tests.services.host import Host
from tests.services.processes import wait_until

UNTIL_TOLD = "trap 'exit 6' USR1; echo ready; while :; do sleep 0.02; done"


def in_thread(host: Host, container: str, condition: Condition) -> "Future[ContainerState | None]":
    """A wait that has begun."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(host.engine.wait, container, condition, timeout_s=20)
    pool.shutdown(wait=False)
    time.sleep(0.1)
    return future


def told_to_end(host: Host) -> str:
    container = host.start("sh", "-c", UNTIL_TOLD)
    host.wait_for_output(container, "ready")
    return container


def test_what_does_not_run_is_not_waited_for(host: Host) -> None:
    container = host.create("true")
    before = host.engine.wait(container, timeout_s=20)
    assert before is not None
    assert before.status is Status.CREATED
    host.engine.start(container)
    ended = host.engine.wait(container, timeout_s=20)
    assert ended is not None
    assert (ended.status, ended.exit_code) == (Status.EXITED, 0)


@pytest.mark.parametrize("condition", [Condition.NOT_RUNNING, Condition.NEXT_EXIT])
def test_an_end_wakes_who_waits_for_it(host: Host, condition: Condition) -> None:
    container = told_to_end(host)
    waiting = in_thread(host, container, condition)
    assert not waiting.done()
    host.engine.kill(container, signal="USR1")
    state = waiting.result(timeout=10)
    assert state is not None
    assert (state.status, state.exit_code) == (Status.EXITED, 6)


@pytest.mark.parametrize("condition", [Condition.NOT_RUNNING, Condition.NEXT_EXIT])
def test_an_end_at_the_moment_a_wait_begins_is_not_missed(
    host: Host, condition: Condition, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, load = told_to_end(host), states.load

    def end_meanwhile(folder: Path) -> ContainerState:
        found = load(folder)
        monkeypatch.undo()
        host.engine.kill(container, signal="USR1")
        host.wait(container)
        return found

    monkeypatch.setattr(states, "load", end_meanwhile)
    ended = host.engine.wait(container, condition, timeout_s=10)
    assert ended is not None
    assert (ended.status, ended.exit_code) == (Status.EXITED, 6)


def test_the_next_exit_is_not_the_last_one(host: Host) -> None:
    state, _ = host.finish("sh", "-c", "exit 4")
    assert host.engine.wait(state.id, Condition.NEXT_EXIT, timeout_s=0.2) is None
    waiting = in_thread(host, state.id, Condition.NEXT_EXIT)
    host.engine.start(state.id)
    ended = waiting.result(timeout=10)
    assert ended is not None
    assert (ended.run, ended.exit_code) == (2, 4)


def test_a_removal_ends_every_wait_and_the_last_state_is_told(host: Host) -> None:
    container = told_to_end(host)
    gone, ended = (in_thread(host, container, condition) for condition in (Condition.REMOVED, Condition.NEXT_EXIT))
    host.engine.remove(container, force=True)
    state = gone.result(timeout=10)
    assert state is not None
    assert (state.status, state.exit_code) == (Status.REMOVING, 137)
    state = ended.result(timeout=10)
    assert state is not None
    assert state.exit_code == 137


def test_an_end_that_no_shim_records_is_seen_all_the_same(host: Host) -> None:
    container = told_to_end(host)
    pid = host.engine.state(container).pid
    waiting = in_thread(host, container, Condition.NOT_RUNNING)
    host.launcher.kill()
    host.launcher.wait()
    os.kill(int((host.home / "containers" / container / "shim.lock").read_text()), signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    state = waiting.result(timeout=10)
    host.restart_launcher()
    assert state is not None
    assert (state.status, state.exit_code) == (Status.EXITED, 255)


def deserted(host: Host, for_s: float) -> str:
    """A container that ended as its shim was killed, which the launcher does not come to replace for that long."""
    container = told_to_end(host)
    pid, shim = host.engine.state(container).pid, int((host.home / "containers" / container / "shim.lock").read_text())
    os.kill(host.launcher.pid, signal.SIGSTOP)
    os.kill(shim, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: host.engine.state(container).error == states.UNSEEN_END, "nobody seems to see it")
    threading.Timer(for_s, os.kill, (host.launcher.pid, signal.SIGCONT)).start()
    return container


def test_no_wait_tells_an_end_as_unseen_that_another_shim_is_about_to_record(host: Host) -> None:
    container = deserted(host, 0.3)
    seen = host.engine.state(container)
    state = host.engine.wait(container, timeout_s=20)
    assert state is not None
    assert (state.exit_code, state.error) == (137, "")
    assert state.seq > seen.seq


def test_no_verb_does_either(host: Host) -> None:
    assert host.engine.stop(deserted(host, 0.3)).exit_code == 137


def test_a_start_that_is_sooner_than_the_other_shim_takes_its_place(host: Host) -> None:
    container = deserted(host, wait.SUCCESSION_S + 0.5)
    assert (host.engine.start(container).status, host.engine.state(container).run) == (Status.RUNNING, 2)
    assert host.engine.stop(container, timeout_s=0).exit_code == 137


def test_a_wait_for_what_is_not_there_is_refused(host: Host) -> None:
    with pytest.raises(NotFound):
        host.engine.wait("ab" * 32)


async def test_many_wait_on_one_event_loop(host: Host) -> None:
    container = told_to_end(host)
    waits = [asyncio.create_task(host.engine.wait_async(container, condition)) for condition in [*Condition] * 5]
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in waits)
    await asyncio.to_thread(host.engine.kill, container, signal="USR1")
    async with asyncio.timeout(10):
        ended = await asyncio.gather(*waits[0::3], *waits[1::3])
    assert {state.exit_code for state in ended} == {6}
    await asyncio.to_thread(host.engine.remove, container)
    async with asyncio.timeout(10):
        gone = await asyncio.gather(*waits[2::3])
    assert {state.status for state in gone} == {Status.REMOVING}
