"""An update while containers run: shims, a launcher or plans of another version of the code than the engine's."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import ExecSpec, LauncherUnavailable, Restart, RestartPolicy, Status
from engine.container import compiled
from engine.launcher import client, messages
from tests.services.host import CHECKOUT, Host, await_launcher
from tests.services.processes import wait_until

OLDER = messages.VERSION - 1
LAUNCH = f"from engine.launcher import __main__, messages; messages.VERSION = {OLDER}; __main__.main()"
LOOP = ("sh", "-c", "echo run; trap 'exit 7' TERM; while :; do sleep 0.05; done")
ALWAYS = RestartPolicy(Restart.ALWAYS)


@pytest.fixture
def older_launcher(host: Host) -> Iterator[None]:
    """The host's launcher is of an older version than the engine, until somebody restarts it."""
    host.launcher.kill()
    host.launcher.wait()
    command = [sys.executable, "-S", "-c", LAUNCH, str(host.run / "launcher.sock")]
    host.launcher = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], cwd=CHECKOUT)
    await_launcher(host.engine)
    yield
    host.restart_launcher()


def update(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes with new code: another engine, then another launcher. Shims stay as they are."""
    monkeypatch.undo()
    monkeypatch.setattr(compiled, "CODE", 1)
    host.restart_launcher()


@pytest.fixture
def before(older_launcher: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is as old as the launcher, until `update`."""
    monkeypatch.setattr(messages, "VERSION", OLDER)
    monkeypatch.setattr(compiled, "CODE", 0)


def shim_of(host: Host, container: str) -> int:
    return int((host.home / "containers" / container / "shim.lock").read_text())


def is_known(host: Host, pid: int) -> bool:
    """Whether the launcher has been told of the container with this first process."""
    with client.connect(str(host.run / "launcher.sock")) as launcher:
        return launcher.attach(pid, takes=False)[0]


@pytest.mark.usefixtures("before")
def test_what_ran_before_is_stopped_entered_and_started_again_after_an_update(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = host.start(*LOOP, restart=ALWAYS)
    update(host, monkeypatch)
    host.engine.repair()
    with host.engine.exec(container, ExecSpec(("true",))) as running:
        assert running.wait(20).exit_code == 0
    assert host.engine.stop(container).exit_code == 7
    host.engine.start(container)
    assert host.engine.state(container).status is Status.RUNNING
    wait_until(lambda: host.output(container) == "run\nrun\n", "both runs are in the log")
    host.engine.remove(container, force=True)


@pytest.mark.usefixtures("before")
def test_a_shim_from_before_an_update_brings_the_next_run_by_the_newer_plan(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = host.start(*LOOP, restart=RestartPolicy(Restart.ON_FAILURE, 1))
    old_shim = shim_of(host, container)
    update(host, monkeypatch)
    os.kill(host.engine.state(container).pid, signal.SIGKILL)
    # There is no plan yet that the new launcher could read; trying counts for nothing.
    wait_until(lambda: host.engine.state(container).status is Status.RESTARTING, "it is to be started again")
    host.engine.repair()
    wait_until(lambda: host.output(container) == "run\nrun\n", "it runs again")
    state = host.engine.state(container)
    assert (state.status, state.restart_count, state.run) == (Status.RUNNING, 1, 2)
    assert shim_of(host, container) != old_shim
    host.engine.remove(container, force=True)


@pytest.mark.usefixtures("before")
def test_a_shim_from_before_an_update_that_is_killed_is_replaced_by_a_newer_one(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = host.start(*LOOP)
    pid, old_shim = host.engine.state(container).pid, shim_of(host, container)
    update(host, monkeypatch)
    wait_until(lambda: is_known(host, pid), "the new launcher knows it")
    os.kill(old_shim, signal.SIGKILL)
    host.engine.repair()
    wait_until(lambda: shim_of(host, container) != old_shim, "another has taken over")
    os.kill(pid, signal.SIGTERM)
    assert host.wait(container).exit_code == 7
    host.engine.remove(container)


@pytest.mark.usefixtures("older_launcher")
def test_a_launcher_of_another_version_is_told_of_and_not_asked_to_guess(host: Host) -> None:
    container = host.create(*LOOP)
    with pytest.raises(LauncherUnavailable, match="of another version"):
        host.engine.start(container)
    host.restart_launcher()
    host.engine.start(container)
    host.engine.remove(container, force=True)


@pytest.mark.usefixtures("before")
def test_an_exec_of_another_version_is_told_of(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    container = host.start(*LOOP)
    monkeypatch.undo()
    with pytest.raises(LauncherUnavailable, match="of another version"):
        host.engine.exec(container, ExecSpec(("true",)))
    host.engine.remove(container, force=True)


def test_a_plan_that_other_code_compiled_is_compiled_anew(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "CODE", 0)
    container = host.create("true")
    kept = host.home / "containers" / container / messages.COMPILED
    before = kept.read_bytes()
    host.engine.start(container)
    host.wait(container)
    assert kept.read_bytes() == before
    monkeypatch.undo()
    host.engine.start(container)
    host.wait(container)
    assert kept.read_bytes() != before


def test_the_checksum_is_of_what_the_files_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    module = tmp_path / "container" / "compiled.py"
    module.write_text("x = 1\n")
    monkeypatch.setattr(compiled, "__file__", str(module))
    first, times = compiled._checksum(), module.stat()
    module.write_text("x = 2\n")
    os.utime(module, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert compiled._checksum() != first
