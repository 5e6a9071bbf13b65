"""A pid in the engine's records may be another process by now: no verb touches that one."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from engine import Condition, Conflict, Engine, ExecSpec, Status
from engine.container import state as states
from engine.container.state import Intent
from engine.launcher import records
from engine.sys import process
from tests.services.host import Host

REFUSED: list[Callable[[Engine, str], object]] = [
    lambda engine, container: engine.kill(container, signal="KILL"),
    lambda engine, container: engine.kill(container, signal="TERM"),
    lambda engine, container: engine.exec(container, ExecSpec(("true",))),
    lambda engine, container: engine.top(container),
    lambda engine, container: engine.stats(container),
    lambda engine, container: engine.pause(container),
    lambda engine, container: engine.unpause(container),
]


@pytest.fixture
def other() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is none of the engine's."""
    with subprocess.Popen(["sleep", "600"]) as running:
        yield running
        running.kill()


@pytest.fixture(params=["another process", "another boot"])
def container(host: Host, other: "subprocess.Popen[bytes]", request: pytest.FixtureRequest) -> str:
    """A container whose record of its run names the pid of `other`: it was another process once, or before a reboot."""
    made = host.create("sleep", "600")
    folder = host.home / "containers" / made
    states.advance(folder, states.load_record(folder), intent=Intent.START, run=1)
    ticks, boot = process.start_ticks(other.pid), process.boot_id()
    if request.param == "another boot":
        boot = boot[::-1]
    else:
        ticks -= 1
    records.write(str(folder), records.Started(1, other.pid, ticks, boot, records.now(), 0))
    return made


def test_it_has_ended_for_every_verb(host: Host, container: str, other: "subprocess.Popen[bytes]") -> None:
    assert host.engine.state(container).status is Status.EXITED
    for verb in REFUSED:
        with pytest.raises(Conflict):
            verb(host.engine, container)
    assert host.engine.stop(container, timeout_s=0).status is Status.EXITED
    ended = host.engine.wait(container, Condition.NOT_RUNNING, timeout_s=5)
    assert ended is not None
    assert ended.status is Status.EXITED
    assert other.poll() is None


def test_its_files_are_its_own_and_no_other_container_joins_it(
    host: Host, container: str, other: "subprocess.Popen[bytes]"
) -> None:
    (host.home / "containers" / container / "upper" / "mine").write_text("x")
    assert host.engine.stat_path(container, "/mine").size == 1
    for shared in ("pid", "network"):
        with pytest.raises(Conflict, match="does not run"):
            host.start("true", **{shared: f"container:{container}"})
    assert other.poll() is None


def test_it_can_be_repaired_started_and_removed(host: Host, container: str, other: "subprocess.Popen[bytes]") -> None:
    repaired = {state.id: state for state in host.engine.repair()}[container]
    assert (repaired.status, repaired.exit_code, repaired.error) == (Status.EXITED, 255, states.UNSEEN_END)
    assert host.engine.start(container).run == 2
    host.engine.remove(container, force=True)
    assert other.poll() is None
