"""Containers that another OCI runtime of the host runs, guarded by a shim as any other."""

import os
import shutil
from pathlib import Path

import pytest

from engine import (
    CommandNotFound,
    ExecSpec,
    InvalidSpec,
    IoPriority,
    Restart,
    RestartPolicy,
    Scheduler,
    Status,
    TimeOffset,
    Unsupported,
)
from engine.container import runs
from tests.services.host import Host
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2


@pytest.fixture(params=["runc", "crun"])
def runtime(request: pytest.FixtureRequest, host: Host) -> str:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    if name == "crun" and host.engine.capabilities().cgroups == "hybrid":
        pytest.skip("crun refuses hosts with hybrid control groups")
    return name


def left(host: Host, runtime: str) -> list[str]:
    """What the runtime still knows of containers."""
    folder = host.run / "runtimes" / runtime
    return os.listdir(folder) if folder.exists() else []


def test_its_program_runs_and_is_seen_to_its_end(host: Host, runtime: str) -> None:
    script = "echo out; echo err >&2; id -u; cat /proc/1/comm; hostname; exit 7"
    state, output = host.finish("sh", "-c", script, runtime=runtime, hostname="moored", init=True)
    assert state.exit_code == 7
    assert {"out", "err", "0", "moored"} < set(output.split())
    assert left(host, runtime) == []
    assert not [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(host.home) in line]


def test_it_is_stopped_killed_entered_and_removed_as_any_other(host: Host, runtime: str) -> None:
    script = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    container_id = host.start("sh", "-c", script, runtime=runtime)
    wait_until(lambda: "ready" in host.output(container_id), "it is ready")
    with host.engine.exec(container_id, ExecSpec(command=("cat", "/proc/1/cmdline"))) as running:
        assert running.wait(20).exit_code == 0
    assert host.engine.stop(container_id, timeout_s=20).exit_code == 3
    host.engine.start(container_id)
    assert host.engine.kill(container_id).exit_code == 137
    host.engine.start(container_id)
    host.engine.remove(container_id, force=True)
    assert left(host, runtime) == []


def test_it_has_a_terminal_of_its_own(host: Host, runtime: str) -> None:
    _, output = host.finish("sh", "-c", "tty; exit 0", runtime=runtime, tty=True)
    assert output.split() == ["/dev/pts/0"]


def test_what_keeps_it_from_running_is_told_in_the_runtimes_words(host: Host, runtime: str) -> None:
    for program, code in (("nosuch", 127), ("/nosuch", 127)):
        container_id = host.create(program, runtime=runtime)
        with pytest.raises(CommandNotFound, match=f"{runtime} (create|start): .*nosuch"):
            host.engine.start(container_id)
        state = host.engine.state(container_id)
        assert (state.status, state.exit_code) == (Status.EXITED, code)
    assert left(host, runtime) == []


def test_it_is_started_again_by_its_policy_and_outlives_shim_and_launcher(host: Host, runtime: str) -> None:
    container_id = host.start("sh", "-c", "sleep 1; exit 1", runtime=runtime, restart=RestartPolicy(Restart.ALWAYS))
    wait_until(lambda: host.engine.state(container_id).run >= 2, "it was started again", timeout_s=20)
    host.engine.remove(container_id, force=True)
    container_id = host.start("sleep", "60", runtime=runtime)
    started = runs.read_started(host.home / "containers" / container_id)
    assert started is not None
    host.restart_launcher()
    assert host.engine.state(container_id).pid == started.pid
    assert host.engine.kill(container_id).exit_code == 137
    assert left(host, runtime) == []


def test_a_runtime_that_is_not_there_is_told(host: Host) -> None:
    with pytest.raises(Unsupported, match="nosuch-runtime"):
        host.create("true", runtime="nosuch-runtime")
    with pytest.raises(InvalidSpec, match="runtime"):
        host.create("true", runtime="/bin/sh")


def test_it_has_its_domains_name(host: Host, runtime: str) -> None:
    _, output = host.finish("cat", "/proc/sys/kernel/domainname", runtime=runtime, domainname="harbour.example")
    assert output == "harbour.example\n"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scheduler", Scheduler("SCHED_BATCH")),
        ("io_priority", IoPriority("IOPRIO_CLASS_IDLE", 3)),
        ("personality", "linux32"),
        ("time_offsets", {"boottime": TimeOffset(60)}),
    ],
)
def test_what_it_would_leave_out_without_a_word_is_refused(host: Host, runtime: str, field: str, value: object) -> None:
    with pytest.raises(InvalidSpec) as told:
        host.create("true", runtime=runtime, **{field: value})
    assert told.value.field == field


def test_a_user_namespace_that_it_cannot_enter_is_told(host: Host, runtime: str) -> None:
    partner = host.start("sleep", "60")
    with pytest.raises(InvalidSpec, match="user namespace"):
        host.create("true", runtime=runtime, uts=f"container:{partner}")
