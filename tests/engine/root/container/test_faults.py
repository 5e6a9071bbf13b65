"""Kill launcher and shim at any time: the container goes on, its lines and exit are kept, the next start repairs."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from engine import Status
from engine.container import runs
from engine.container import state as states
from engine.container.state import Intent
from tests.services.host import Host
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2

COUNT = "i=0; while [ $i -lt {n} ]; do i=$((i+1)); echo $i; sleep 0.02; done; exit 5"


def shim_of(host: Host, container: str) -> int:
    return int((host.home / "containers" / container / "shim.lock").read_text())


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_the_launchers_death_stops_no_container_and_loses_no_line_or_exit(host: Host) -> None:
    container = host.start("sh", "-c", COUNT.format(n=50))
    host.restart_launcher()
    assert host.wait(container).exit_code == 5
    assert host.output(container).split() == [str(n) for n in range(1, 51)]


def test_the_shims_death_stops_no_container_and_loses_no_line_or_exit(host: Host) -> None:
    container = host.start("sh", "-c", COUNT.format(n=60))
    for _ in range(2):
        time.sleep(0.2)
        killed = shim_of(host, container)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: shim_of(host, container) != killed, "another has taken over")  # noqa: B023
    assert host.wait(container).exit_code == 5
    assert host.output(container).split() == [str(n) for n in range(1, 61)]


def test_the_zygotes_death_is_made_up_for_at_the_next_start(host: Host) -> None:
    container = host.start("sh", "-c", COUNT.format(n=30))
    zygote = parent_of(shim_of(host, container))
    assert zygote != host.launcher.pid
    os.kill(zygote, signal.SIGKILL)
    assert [host.finish("sh", "-c", f"exit {code}")[0].exit_code for code in range(3)] == [0, 1, 2]
    assert host.wait(container).exit_code == 5


def test_a_shim_finds_a_restarted_launcher_which_then_guards_it(host: Host) -> None:
    held = "trap go=1 USR1; while [ -z $go ]; do sleep 0.02; done; " + COUNT.format(n=100)
    container = host.start("sh", "-c", held)
    shim = shim_of(host, container)
    host.restart_launcher()
    time.sleep(1.5)  # the shim looks for its launcher once a second
    host.engine.kill(container, signal="USR1")
    os.kill(shim, signal.SIGKILL)
    assert host.wait(container).exit_code in (5, 255)  # 255 where the kernel keeps no exit status (before 6.15)
    assert host.output(container).split() == [str(n) for n in range(1, 101)]


def test_a_death_that_nobody_saw_is_told_as_such(host: Host) -> None:
    container = host.start("sleep", "60")
    folder = host.home / "containers" / container
    pid, shim = host.engine.state(container).pid, shim_of(host, container)
    host.launcher.kill()
    host.launcher.wait()
    os.kill(shim, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: host.engine.state(container).status is Status.EXITED, "it is seen to have ended")
    host.restart_launcher()
    repaired = {state.id: state for state in host.engine.repair()}[container]
    assert (repaired.exit_code, repaired.error) == (255, states.UNSEEN_END)
    assert runs.read_exit(folder) is not None
    assert container not in host.engine._runtime.cgroups.names()


def test_a_start_that_was_cut_short_is_undone(host: Host) -> None:
    container = host.create("true")
    folder = host.home / "containers" / container
    states.advance(folder, states.load_record(folder), intent=Intent.START, run=1)
    repaired = {state.id: state for state in host.engine.repair()}[container]
    assert (repaired.status, repaired.exit_code) == (Status.EXITED, 128)
    assert "interrupted" in repaired.error
    assert host.engine.start(container).run == 2


def test_a_removal_that_was_cut_short_is_finished(host: Host) -> None:
    container = host.create("true")
    folder = host.home / "containers" / container
    states.advance(folder, states.load_record(folder), intent=Intent.REMOVE)
    assert container not in {state.id for state in host.engine.repair()}
    assert not folder.exists()


def test_a_creation_that_was_cut_short_is_removed(host: Host) -> None:
    fresh = host.home / "containers" / ("cd" * 32 + ".new")
    fresh.mkdir()
    (fresh / "config.json").write_text(json.dumps({}))
    host.engine.repair()
    assert not fresh.exists()


def test_groups_that_belong_to_no_container_are_emptied_and_removed(host: Host) -> None:
    groups = host.engine._runtime.cgroups
    container = host.create("true")
    spec = json.loads((host.home / "containers" / container / "config.json").read_text())
    from engine.spec.runtime import Spec

    groups.create(container, Spec.from_json(spec).linux.resources)
    assert container in groups.names()
    host.engine.repair()
    assert container not in groups.names()


def test_a_request_that_was_being_written_when_its_writer_was_killed_is_forgotten(host: Host) -> None:
    container = host.create("true")
    folder = host.home / "containers" / container
    old, fresh = folder / "asked.json.1-1.new", folder / "asked.json.2-2.new"
    for path in (old, fresh):
        path.write_text("{")
    os.utime(old, (0, 0))
    host.engine.repair()
    assert (old.exists(), fresh.exists()) == (False, True)
