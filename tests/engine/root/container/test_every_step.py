"""Kill whoever carries out a verb before each single thing it changes: the next start of the host makes it whole."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import Engine, Restart, RestartPolicy, Status
from engine.container import repair
from tests.services.host import Host
from tests.services.processes import wait_until

CHANGES = {
    "fcntl.flock",
    "os.kill",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "signal.pidfd_send_signal",
    "socket.connect",
    "socket.sendmsg",
}
MOST_STEPS = 400
Verb = Callable[[Engine, str], object]


def is_killed_before(step: int, verb: Callable[[], object]) -> bool:
    """Carry out `verb` in a process that is killed before it changes something for the `step`th time."""
    pid = os.fork()
    if pid == 0:
        left = step

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            writes = event == "open" and bool(int(str(arguments[2])) & (os.O_WRONLY | os.O_RDWR))
            if writes or event in CHANGES:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            verb()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def steps(first: int, growth: float) -> Iterator[int]:
    """Every step at first, then fewer: most of a long removal is the same again and again."""
    step = first
    while step < MOST_STEPS:
        yield step
        step = max(step + 1, int(step * growth))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "_START_GRACE_S", 0.2)


def assert_whole(host: Host, container: str) -> None:
    """What is running has its shim and its group, what is not has neither, and nothing half done lies about."""
    containers = host.home / "containers"
    assert not [path.name for path in containers.iterdir() if path.name.endswith((".new", ".removed"))]
    groups = host.engine._runtime.cgroups
    if not (containers / container).exists():
        wait_until(lambda: container not in groups.names(), "its groups have gone")
        return
    state = host.engine.state(container)
    if state.status is Status.RUNNING:
        assert groups.processes(container)
        assert Path(f"/proc/{state.pid}").exists()
    else:
        assert state.status in (Status.CREATED, Status.EXITED, Status.RESTARTING)
        wait_until(lambda: not groups.processes(container), "nothing runs")


def start(engine: Engine, container: str) -> object:
    return engine.start(container)


def stop(engine: Engine, container: str) -> object:
    return engine.stop(container, timeout_s=0)


def restart(engine: Engine, container: str) -> object:
    return engine.restart(container, timeout_s=0)


def remove(engine: Engine, container: str) -> object:
    engine.remove(container, force=True)
    return None


def rename(engine: Engine, container: str) -> object:
    return engine.rename(container, "another")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("verb", "policy", "growth"),
    [
        (start, Restart.NO, 1.3),
        (stop, Restart.ALWAYS, 1.15),
        (restart, Restart.UNLESS_STOPPED, 1.7),
        (remove, Restart.NO, 1.3),
        (rename, Restart.NO, 1.15),
    ],
)
def test_a_verb_killed_before_any_of_its_steps_leaves_what_can_be_repaired(
    host: Host, verb: Verb, policy: Restart, growth: float
) -> None:
    killed = 0
    for step in steps(1, growth):
        container = host.create("sleep", "60", restart=RestartPolicy(policy))
        if verb is not start:
            host.engine.start(container)
        if not is_killed_before(step, lambda: verb(host.engine, container)):  # noqa: B023
            break
        killed += 1
        host.engine.repair()
        assert_whole(host, container)
        verb(host.engine, container)
        assert_whole(host, container)
        host.engine.remove(container, force=True)
    assert killed > 3


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("verb", [stop, remove])
def test_a_verb_about_a_container_between_two_runs_may_be_killed_too(host: Host, verb: Verb) -> None:
    killed = 0
    for step in steps(1, 1.5):
        container = host.start("false", restart=RestartPolicy(Restart.ALWAYS))
        wait_until(lambda: host.engine.state(container).status is Status.RESTARTING, "it waits")  # noqa: B023
        if not is_killed_before(step, lambda: verb(host.engine, container)):  # noqa: B023
            break
        killed += 1
        host.engine.repair()
        host.engine.remove(container, force=True)
        assert_whole(host, container)
    assert killed > 3
