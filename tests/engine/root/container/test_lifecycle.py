"""create, start, stop, kill, restart, remove: what each does, and what it leaves."""

import math
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine import (
    CommandNotExecutable,
    CommandNotFound,
    Conflict,
    ContainerSpec,
    InvalidSpec,
    LauncherUnavailable,
    NotFound,
    Restart,
    RestartPolicy,
    Status,
)
from engine.container import compiled
from tests.services.host import Host
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.v2_smoke
@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 42", 42), ("exit 255", 255)])
def test_an_exit_code_is_exact(host: Host, script: str, code: int) -> None:
    state, _ = host.finish("sh", "-c", script)
    assert (state.status, state.exit_code, state.oom_killed, state.error) == (Status.EXITED, code, False, "")


@pytest.mark.parametrize(("signal", "code"), [("TERM", 143), ("KILL", 137), ("USR1", 138)])
def test_a_death_by_signal_is_128_and_its_number(host: Host, signal: str, code: int) -> None:
    # The first process of a pid namespace gets only signals it handles, but for SIGKILL: sleep is one level down.
    container = host.start(
        "sh",
        "-c",
        "sleep 60 & wait $!; exit $?"
        if signal == "KILL"
        else f"trap 'exit {code}' {signal}; while :; do sleep 0.02; done",
    )
    time.sleep(0.1)
    host.engine.kill(container, signal=signal)
    assert host.wait(container).exit_code == code


def test_creating_twice_changes_nothing_but_another_specification_is_a_conflict(host: Host) -> None:
    container = host.create("true")
    spec = ContainerSpec(name=f"t-{container[:8]}", image="busybox:test", command=("true",))
    before = host.engine.state(container)
    assert host.engine.create(container, spec) == before
    with pytest.raises(Conflict):
        host.engine.create(container, ContainerSpec(name="other", image="busybox:test"))


def test_starting_twice_changes_nothing(host: Host) -> None:
    container = host.start("sleep", "60")
    first = host.engine.state(container)
    assert host.engine.start(container) == first


def test_a_container_can_be_started_again_and_keeps_what_it_wrote(host: Host) -> None:
    container = host.create("sh", "-c", "echo x >> /root/runs; wc -l < /root/runs")
    for _ in range(3):
        host.engine.start(container)
        host.wait(container)
    assert host.output(container).split() == ["1", "2", "3"]
    assert host.engine.state(container).run == 3


def test_stop_asks_first_and_gives_the_program_its_time(host: Host) -> None:
    container = host.start("sh", "-c", "trap 'echo bye; exit 7' TERM; while :; do sleep 0.02; done")
    time.sleep(0.1)
    state = host.engine.stop(container, timeout_s=10)
    assert (state.status, state.exit_code, host.output(container)) == (Status.EXITED, 7, "bye\n")


def test_stop_kills_what_does_not_listen(host: Host) -> None:
    container = host.start("sleep", "60")
    began = time.monotonic()
    for odd in (-1.0, math.nan, 1e6):
        with pytest.raises(InvalidSpec, match="timeout_s"):
            host.engine.stop(container, timeout_s=odd)
    state = host.engine.stop(container, timeout_s=0.3)
    assert state.exit_code == 137
    assert 0.3 <= time.monotonic() - began < 3


def test_a_kill_ends_a_stop_that_waits_in_vain(host: Host) -> None:
    container = host.start("sleep", "60")  # as the first process it hears no SIGTERM
    stopping = threading.Thread(target=host.engine.stop, args=(container,), kwargs={"timeout_s": 50.0})
    stopping.start()
    time.sleep(0.2)
    begun = time.monotonic()
    assert host.engine.kill(container).exit_code == 137
    stopping.join(timeout=10)
    assert time.monotonic() - begun < 5
    assert not stopping.is_alive()


def test_stop_sends_the_signal_that_was_chosen(host: Host) -> None:
    script = "trap 'exit 3' USR2; trap 'exit 4' TERM; while :; do sleep 0.02; done"
    container = host.start("sh", "-c", script, stop_signal="SIGUSR2")
    time.sleep(0.1)
    assert host.engine.stop(container, timeout_s=5).exit_code == 3


def test_stopping_what_does_not_run_changes_nothing_and_killing_it_is_a_conflict(host: Host) -> None:
    state, _ = host.finish("true")
    assert host.engine.stop(state.id) == host.engine.state(state.id)
    with pytest.raises(Conflict, match="not running"):
        host.engine.kill(state.id)


def test_restart_is_a_new_run(host: Host) -> None:
    container = host.start("sleep", "60")
    before = host.engine.state(container)
    after = host.engine.restart(container, timeout_s=0)
    assert (after.status, after.run) == (Status.RUNNING, before.run + 1)
    assert after.pid != before.pid
    assert after.seq > before.seq


@pytest.mark.v2_smoke
def test_remove_leaves_nothing_and_may_be_repeated(host: Host) -> None:
    before = everything_below(host.home)
    container = host.start("sh", "-c", "mkdir /a /a/b; touch /a/b/c; sleep 60")
    with pytest.raises(Conflict, match="is running and cannot be removed"):
        host.engine.remove(container)
    host.engine.remove(container, force=True)
    host.engine.remove(container)
    assert everything_below(host.home) == before
    assert container not in host.engine._runtime.cgroups.names()
    with pytest.raises(NotFound):
        host.engine.state(container)


def test_a_program_that_is_not_there_is_127(host: Host) -> None:
    container = host.create("nosuch", "--flag")
    with pytest.raises(CommandNotFound, match="nosuch: no such program"):
        host.engine.start(container)
    state = host.engine.state(container)
    assert (state.status, state.exit_code) == (Status.EXITED, 127)
    assert "nosuch" in state.error


@pytest.mark.parametrize("program", ["/etc", "/etc/passwd"])
def test_a_program_that_cannot_be_executed_is_126(host: Host, program: str) -> None:
    container = host.create(program)
    with pytest.raises(CommandNotExecutable):
        host.engine.start(container)
    assert host.engine.state(container).exit_code == 126


def test_an_unknown_image_or_user_is_refused_and_leaves_nothing(host: Host) -> None:
    before = everything_below(host.home)
    with pytest.raises(NotFound):
        host.create("true", image="nosuch:1")
    with pytest.raises(InvalidSpec, match="nosuchuser is not in the image's"):
        host.create("true", user="nosuchuser")
    assert everything_below(host.home) == before


def test_an_id_that_is_a_path_is_refused(host: Host) -> None:
    for verb in (host.engine.state, host.engine.start, host.engine.remove, host.engine.logs):
        with pytest.raises(InvalidSpec):
            verb("../" * 21 + "x")


def test_a_terminal_is_one_stream_with_a_size_and_is_its_own_console(host: Host) -> None:
    script = "tty; test -t 0 && test -t 1 && test -t 2 && echo all; stty size; echo err >&2; ls -l /dev/console"
    state, output = host.finish("sh", "-c", script, tty=True)
    lines = [line.rstrip("\r") for line in output.splitlines()]
    assert state.exit_code == 0
    assert lines[:4] == ["/dev/console", "all", "24 80", "err"] or lines[:4] == ["/dev/pts/0", "all", "24 80", "err"]
    assert {line.stream for line in host.lines(state.id)} == {"stdout"}


def test_standard_output_and_error_are_told_apart(host: Host) -> None:
    state, _ = host.finish("sh", "-c", "echo out; sleep 0.1; echo err >&2")
    assert [(line.stream, line.text) for line in host.lines(state.id)] == [("stdout", b"out"), ("stderr", b"err")]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_zygote_and_shim_are_all_that_is_between_launcher_and_container(host: Host) -> None:
    container = host.start("sleep", "60")
    pid = host.engine.state(container).pid
    wait_until(lambda: parent_of(parent_of(parent_of(pid))) == host.launcher.pid, "the process of the birth has gone")
    shim = parent_of(pid)
    assert Path(f"/proc/{parent_of(shim)}/comm").read_text().strip() == "moorage-zygote"
    assert Path(f"/proc/{shim}/comm").read_text().strip() == "moorage-shim"
    host.engine.remove(container, force=True)
    wait_until(lambda: not Path(f"/proc/{shim}").exists(), "the shim has gone")


def test_without_a_launcher_the_container_stays_as_it_was(host: Host) -> None:
    container = host.create("true")
    before = host.engine.state(container)
    os.rename(host.run / "launcher.sock", host.run / "away.sock")
    try:
        with pytest.raises(LauncherUnavailable, match="does not answer"):
            host.engine.start(container)
    finally:
        os.rename(host.run / "away.sock", host.run / "launcher.sock")
    assert host.engine.state(container) == before


def test_a_container_that_left_a_very_deep_tree_is_removed(host: Host) -> None:
    deep = "i=0; while [ $i -lt 1500 ]; do i=$((i+1)); mkdir d; cd d; done; echo $i"
    container = host.start("sh", "-c", deep)
    assert host.wait(container, timeout_s=120).exit_code == 0
    assert host.output(container).split() == ["1500"]
    host.engine.remove(container)
    assert not list((host.home / "containers").glob(f"{container}*"))


def test_the_first_start_takes_the_plan_that_was_compiled_at_the_creation(host: Host) -> None:
    container = host.create("echo", "planned")
    kept = host.home / "containers" / container / "compiled"
    before = kept.stat()
    host.engine.start(container)
    host.wait(container)
    assert host.output(container) == "planned\n"
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("damage", [b"", b"\xe9\x00", b"i\x00\x00\x00\x00"])
def test_a_plan_kept_from_before_that_is_damaged_is_made_again(host: Host, damage: bytes) -> None:
    container = host.create("sh", "-c", "echo ran")
    host.engine.start(container)
    host.wait(container)
    kept = host.home / "containers" / container / "compiled"
    kept.write_bytes(damage)
    host.engine.start(container)
    host.wait(container)
    assert host.output(container) == "ran\nran\n"
    assert compiled._read(kept.parent) is not None


def test_a_plan_kept_from_before_its_bundle_was_replaced_is_not_used(host: Host) -> None:
    container = host.create("sh", "-c", "echo $A", env=("A=old",))
    host.engine.start(container)
    host.wait(container)
    bundle = host.home / "containers" / container / "config.json"
    bundle.with_name("fresh").write_text(bundle.read_text().replace("A=old", "A=new"))
    bundle.with_name("fresh").rename(bundle)
    host.engine.start(container)
    host.wait(container)
    assert host.output(container) == "old\nnew\n"


FEW = 200


@pytest.fixture
def launcher_with_few_descriptors(host: Host) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, before[1]))
    try:
        host.restart_launcher()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    yield
    host.restart_launcher()


@pytest.mark.usefixtures("launcher_with_few_descriptors")
def test_a_launcher_may_hold_more_descriptors_than_it_lets_programs_have(host: Host) -> None:
    containers = [host.start("sleep", "60") for _ in range(40)]
    assert len(os.listdir(f"/proc/{host.launcher.pid}/fd")) > FEW
    always = host.start("sh", "-c", "ulimit -n; sleep 60", restart=RestartPolicy(Restart.ALWAYS))
    lock = host.home / "containers" / always / "shim.lock"
    guard = lock.read_text()
    os.kill(int(guard), signal.SIGKILL)  # the next one, and with it the next run, comes from the launcher itself
    wait_until(lambda: lock.read_text() != guard, "another has taken over")
    os.kill(host.engine.state(always).pid, signal.SIGKILL)
    assert wait_until(lambda: host.output(always).split()[1:], "it runs again") == [str(FEW)]
    assert host.output(always).split()[0] == str(FEW)
    for container in (*containers, always):
        host.engine.remove(container, force=True)


def test_shims_of_a_launcher_with_thousands_of_descriptors_sleep_and_wake(host: Host) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with ExitStack() as callers:
        for pid in (os.getpid(), host.launcher.pid):
            before = resource.prlimit(pid, resource.RLIMIT_NOFILE, (4096, most))
            callers.callback(resource.prlimit, pid, resource.RLIMIT_NOFILE, before)
        for _ in range(1100):
            caller = callers.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            caller.connect(str(host.run / "launcher.sock"))
        containers = [host.start("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done") for _ in range(3)]
        guards = [int((host.home / "containers" / container / "shim.lock").read_text()) for container in containers]
        time.sleep(0.3)
        assert {Path(f"/proc/{guard}/comm").read_text() for guard in guards} == {"moorage-shim\n"}  # none has died
        for container in containers:
            assert host.engine.stop(container).exit_code == 3
