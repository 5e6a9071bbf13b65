"""exec: one more program in a running container, attached and detached, with terminal, as another user, to its end."""

import os
import select
import time
from pathlib import Path

import pytest

from engine import (
    CommandNotExecutable,
    CommandNotFound,
    Conflict,
    ConsoleSize,
    EngineError,
    ExecSpec,
    ExecState,
    InvalidSpec,
    NotFound,
    Resources,
    Status,
    TimeOffset,
)
from engine.container import exec_records
from tests.services.execs import finish, read_all, read_until
from tests.services.host import Host
from tests.services.processes import wait_until


@pytest.fixture(scope="module")
def container(host: Host) -> str:
    return host.start("sleep", "600")


@pytest.mark.v2
@pytest.mark.v2_smoke
@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 42", 42), ("kill -9 $$", 137)])
def test_an_exit_code_is_exact(host: Host, container: str, script: str, code: int) -> None:
    state, _, _ = finish(host, container, "sh", "-c", script)
    assert (state.running, state.exit_code, state.pid, state.error) == (False, code, 0, "")
    assert state.created_at <= state.started_at <= state.finished_at


@pytest.mark.v2
def test_standard_output_and_error_are_told_apart_and_complete(host: Host, container: str) -> None:
    script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done; echo err >&2"
    state, output, errors = finish(host, container, "sh", "-c", script)
    assert state.exit_code == 0
    assert output.split() == [str(n) for n in range(1, 20001)]
    assert errors == "err\n"


def test_input_reaches_the_program_and_its_end_too_while_output_goes_on(host: Host, container: str) -> None:
    spec = ExecSpec(("sh", "-c", "cat; echo end of input; sleep 0.2; echo more"), stdin=True)
    with host.engine.exec(container, spec) as running:
        assert running.stdin is not None
        os.write(running.stdin, b"one\ntwo\n")
        assert read_until(running.stdout, b"two\n") == b"one\ntwo\n"
        running.close_input()
        assert read_all(running.stdout) == "end of input\nmore\n"
        assert running.wait(10).exit_code == 0
    assert running.wait(10).exit_code == 0


def test_it_sees_the_containers_processes_and_is_one_of_them(host: Host, container: str) -> None:
    kinds = ("mnt", "pid", "uts", "ipc", "net", "cgroup", "user")
    script = f"for n in {' '.join(kinds)}; do readlink /proc/self/ns/$n; done; cat /proc/1/comm; cat /proc/self/cgroup"
    _, output, _ = finish(host, container, "sh", "-c", script)
    lines = output.splitlines()
    first = host.engine.state(container).pid
    assert lines[: len(kinds)] == [os.readlink(f"/proc/{first}/ns/{kind}") for kind in kinds]
    assert lines[len(kinds)] == "sleep"
    assert [line for line in lines if "moorage" in line] == []


@pytest.mark.v2
def test_it_counts_among_the_containers_control_groups(host: Host, container: str) -> None:
    with host.engine.exec(container, ExecSpec(("sleep", "60"), stdout=False, stderr=False)) as running:
        groups = Path(f"/proc/{running.pid}/cgroup").read_text()
        first = Path(f"/proc/{host.engine.state(container).pid}/cgroup").read_text()
        assert groups == first
        host.engine.kill_exec(container, running.id)
        assert running.wait(10).exit_code == 137


def status_of(output: str) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in output.splitlines() if ":\t" in line)


@pytest.mark.v2
def test_its_rights_are_those_of_the_containers_program(host: Host, container: str) -> None:
    _, output, _ = finish(host, container, "cat", "/proc/self/status")
    first = status_of(Path(f"/proc/{host.engine.state(container).pid}/status").read_text())
    wanted = ("CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp", "SigIgn", "SigBlk", "Umask")
    found = status_of(output)
    assert [found[name] for name in wanted] == [first[name] for name in wanted]


def test_a_privileged_one_has_every_capability_but_the_filter_stays(host: Host, container: str) -> None:
    _, output, _ = finish(host, container, "cat", "/proc/self/status", privileged=True)
    hosts = status_of(Path("/proc/self/status").read_text())["CapBnd"]
    assert status_of(output)["CapEff"] == status_of(output)["CapBnd"] == hosts
    assert status_of(output)["Seccomp"] == "2"


@pytest.mark.v2
def test_another_user_is_looked_up_inside_and_has_no_capabilities(host: Host) -> None:
    container = host.start(
        "sh", "-c", "echo pier:x:1234:77::/srv/pier:/bin/sh >> /etc/passwd; echo ready; exec sleep 60"
    )
    wait_until(lambda: "ready" in host.output(container), "the user is there")
    script = "id -u; id -g; echo $HOME; cat /proc/self/status; echo out > /dev/stdout"
    state, output, _ = finish(host, container, "sh", "-c", script, user="pier")
    assert output.splitlines()[:3] == ["1234", "77", "/srv/pier"]
    assert int(status_of(output)["CapEff"], 16) == 0
    assert (state.exit_code, output.splitlines()[-1]) == (0, "out")
    with pytest.raises(InvalidSpec, match="nosuchuser is not in the image's"):
        host.engine.exec(container, ExecSpec(("true",), user="nosuchuser"))


def test_a_program_that_runs_as_another_user_can_be_joined_by_root(host: Host) -> None:
    container = host.start("sleep", "60", user="nobody")
    _, output, _ = finish(host, container, "sh", "-c", "id -u; cat /proc/self/status", user="root")
    assert output.splitlines()[0] == "0"
    assert status_of(output)["CapEff"] == "00000000a80425fb"
    _, output, _ = finish(host, container, "id", "-u")
    assert output == "65534\n"


def test_environment_and_working_directory_are_the_containers_unless_told(host: Host) -> None:
    container = host.start("sleep", "60", env=("A=1", "B=2"), cwd="/srv")
    _, output, _ = finish(host, container, "sh", "-c", "echo $A $B $C $HOME; pwd", env=("B=3", "C=4"))
    assert output == "1 3 4 /root\n/srv\n"
    _, output, _ = finish(host, container, "pwd", cwd="/tmp")
    assert output == "/tmp\n"


@pytest.mark.v2
def test_a_terminal_is_one_stream_with_a_size_that_can_be_changed(host: Host, container: str) -> None:
    script = "tty; stty size; trap 'stty size; exit 7' WINCH; echo ready; while :; do sleep 0.05; done"
    spec = ExecSpec(("sh", "-c", script), terminal=True, terminal_size=ConsoleSize(30, 100))
    with host.engine.exec(container, spec) as running:
        assert (running.stdin, running.stdout, running.stderr) == (None, None, None)
        shown = read_until(running.terminal, b"ready\r\n")
        assert shown.split() == [b"/dev/pts/0", b"30", b"100", b"ready"]
        running.resize(ConsoleSize(40, 120))
        assert running.wait(10).exit_code == 7
        assert read_all(running.terminal).split() == ["40", "120"]


def test_a_terminal_takes_what_is_typed_and_interrupts(host: Host, container: str) -> None:
    with host.engine.exec(container, ExecSpec(("sh",), terminal=True, env=("PS1=> ",))) as running:
        assert running.terminal is not None
        read_until(running.terminal, b"> ")
        os.write(running.terminal, b"sleep 60\n")
        read_until(running.terminal, b"sleep 60\r\n")
        time.sleep(0.2)
        os.write(running.terminal, b"\x03")
        read_until(running.terminal, b"> ")
        os.write(running.terminal, b"exit 5\n")
        assert running.wait(10).exit_code == 5


def test_a_terminal_that_nobody_holds_hangs_up(host: Host, container: str) -> None:
    running = host.engine.exec(container, ExecSpec(("sleep", "600"), terminal=True))
    exec_id = running.id
    running.close()
    wait_until(lambda: not host.engine.exec_state(container, exec_id).running, "it was hung up")
    assert host.engine.exec_state(container, exec_id).exit_code == 129


def test_a_detached_one_runs_on_when_its_caller_has_gone(host: Host, container: str) -> None:
    spec = ExecSpec(("sh", "-c", "sleep 0.3; exit 9"), stdout=False, stderr=False)
    running = host.engine.exec(container, spec)
    running.close()
    assert host.engine.exec_state(container, running.id).running
    wait_until(lambda: not host.engine.exec_state(container, running.id).running, "it has ended")
    assert host.engine.exec_state(container, running.id).exit_code == 9


def test_what_is_known_of_it_while_it_runs(host: Host, container: str) -> None:
    exec_id = "ab" * 32
    spec = ExecSpec(("sleep", "60"), stdout=False, stderr=False)
    with host.engine.exec(container, spec, exec_id=exec_id) as running:
        state = host.engine.exec_state(container, exec_id)
        assert (state.running, state.pid, state.exit_code, state.spec) == (True, running.pid, None, spec)
        assert Path(f"/proc/{state.pid}/comm").read_text() == "sleep\n"
        assert exec_id in [one.id for one in host.engine.exec_states(container)]
        assert ExecState.from_json(state.to_json()) == state
        assert running.wait(0.05).running
        with pytest.raises(Conflict, match="has an exec"):
            host.engine.exec(container, spec, exec_id=exec_id)
        host.engine.kill_exec(container, exec_id, signal="TERM")
        assert running.wait(10).exit_code == 143
    with pytest.raises(Conflict, match="has ended"):
        host.engine.kill_exec(container, exec_id)
    with pytest.raises(NotFound):
        host.engine.exec_state(container, "cd" * 32)


@pytest.mark.parametrize(
    ("command", "error", "code"),
    [
        (("nosuch",), CommandNotFound, 127),
        (("/bin/nosuch",), CommandNotFound, 127),
        (("/etc/passwd",), CommandNotExecutable, 126),
        (("/etc",), CommandNotExecutable, 126),
    ],
)
@pytest.mark.v2
def test_a_program_that_cannot_be_run_is_told_with_its_code(
    host: Host, container: str, command: tuple[str, ...], error: type[EngineError], code: int
) -> None:
    exec_id = os.urandom(32).hex()
    with pytest.raises(error, match=command[0]):
        host.engine.exec(container, ExecSpec(command), exec_id=exec_id)
    state = host.engine.exec_state(container, exec_id)
    assert (state.running, state.exit_code) == (False, code)
    assert command[0] in state.error


def test_a_working_directory_that_is_not_there_is_told(host: Host, container: str) -> None:
    with pytest.raises(EngineError, match="chdir on /nosuch failed"):
        host.engine.exec(container, ExecSpec(("true",), cwd="/nosuch"))


def test_nothing_can_be_run_in_a_container_that_does_not_run(host: Host) -> None:
    for container in (host.create("true"), host.start("true")):
        wait_until(lambda: host.engine.state(container).status is not Status.RUNNING, "it does not run")  # noqa: B023
        with pytest.raises(Conflict, match="is not running"):
            host.engine.exec(container, ExecSpec(("true",)))


@pytest.mark.v2
def test_nothing_can_be_run_in_a_container_that_is_paused(host: Host, container: str) -> None:
    host.engine.pause(container)
    try:
        with pytest.raises(Conflict, match="is paused"):
            host.engine.exec(container, ExecSpec(("true",)))
    finally:
        host.engine.unpause(container)


@pytest.mark.v2
def test_it_ends_with_its_container_and_that_is_told(host: Host) -> None:
    container = host.start("sleep", "60")
    with host.engine.exec(container, ExecSpec(("sleep", "60"))) as running:
        host.engine.kill(container)
        assert running.wait(10).exit_code == 137
    wait_until(lambda: container not in host.engine._runtime.cgroups.names(), "its control groups are gone")


def test_another_run_knows_nothing_of_the_last_ones(host: Host) -> None:
    container = host.start("sleep", "60")
    with host.engine.exec(container, ExecSpec(("true",))) as running:
        running.wait(10)
        host.engine.restart(container, timeout_s=0)
        with pytest.raises(NotFound):
            running.state()
    assert host.engine.exec_states(container) == []
    assert exec_records.ids(host.home / "containers" / container) == []


def test_ended_ones_are_forgotten_after_a_while(host: Host, container: str) -> None:
    folder = host.home / "containers" / container
    old, _, _ = finish(host, container, "true")
    long_ago = time.time() - 3600
    os.utime(folder / "exec" / old.id / "exit.json", (long_ago, long_ago))
    os.utime(folder / "exec" / "looked", (long_ago, long_ago))
    with host.engine.exec(container, ExecSpec(("sleep", "60"))) as running:
        assert old.id not in exec_records.ids(folder)
        assert running.state().running
        host.engine.kill_exec(container, running.id)


def test_many_at_once(host: Host, container: str) -> None:
    running = [host.engine.exec(container, ExecSpec(("sh", "-c", f"echo {n}; exit {n}"))) for n in range(20)]
    for number, one in enumerate(running):
        assert one.wait(10).exit_code == number
        assert read_all(one.stdout) == f"{number}\n"
        one.close()


def test_its_end_can_be_polled_for(host: Host, container: str) -> None:
    with host.engine.exec(container, ExecSpec(("sleep", "0.2"))) as running:
        poll = select.poll()
        poll.register(running, select.POLLIN)
        assert poll.poll(10_000)
        assert not running.state().running


@pytest.mark.v2
def test_under_a_small_memory_limit_only_the_program_counts(host: Host) -> None:
    container = host.start("sleep", "60", resources=Resources(memory_bytes=6 << 20))
    for _ in range(5):
        state, _, _ = finish(host, container, "true")
        assert state.exit_code == 0
    assert host.engine.state(container).status is Status.RUNNING


@pytest.mark.v2
def test_a_program_enters_a_group_that_has_handed_its_controllers_on(host: Host) -> None:
    """On v2 such a group can have no process of its own: the first is in one below, and what enters goes there too."""
    script = (
        "cd /sys/fs/cgroup; [ -e cgroup.procs ] || exec sleep 60; mkdir inner && echo 1 > inner/cgroup.procs &&"
        " echo +pids > cgroup.subtree_control; exec sleep 60"
    )
    container = host.start("sh", "-c", script, privileged=True)
    first = host.engine.state(container).pid
    wait_until(lambda: Path(f"/proc/{first}/comm").read_text() == "sleep\n", "it has moved")
    with host.engine.exec(container, ExecSpec(("sleep", "60"))) as running:
        assert Path(f"/proc/{running.pid}/cgroup").read_text() == Path(f"/proc/{first}/cgroup").read_text()


@pytest.mark.parametrize(
    "shared",
    [
        {"network": "host", "ipc": "host", "uts": "host"},
        {"pid": "host"},
        {"userns": "host"},
        {"privileged": True},
        {"time_offsets": {"boottime": TimeOffset(1_000_000)}},
    ],
    ids=["network, ipc and uts", "pid", "userns", "privileged", "time"],
)
def test_it_goes_where_the_containers_program_is_whatever_that_shares(host: Host, shared: dict[str, object]) -> None:
    container = host.start("sleep", "60", **shared)
    kinds = ("mnt", "pid", "uts", "ipc", "net", "cgroup", "user", "time")
    with host.engine.exec(container, ExecSpec(("sleep", "60"), stdout=False, stderr=False)) as running:
        theirs, ours = (
            [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in kinds]
            for pid in (host.engine.state(container).pid, running.pid)
        )
        assert ours == theirs
        host.engine.kill(container)
        assert running.wait(20).exit_code == 137
