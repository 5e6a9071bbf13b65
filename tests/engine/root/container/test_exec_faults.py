"""Kill the exec shim, the launcher, the caller at any time: programs go on, their ends are told, nothing is left."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from engine import EngineError, ExecSpec
from engine.launcher import client
from engine.launcher.exec_shim import UNSEEN_END
from tests.services.execs import read_all
from tests.services.host import CHECKOUT, Host
from tests.services.processes import wait_until

WAIT = "echo one; read line; echo two; "


@pytest.fixture(scope="module")
def container(host: Host) -> str:
    return host.start("sleep", "600")


def shim_of(host: Host, container: str, exec_id: str) -> int:
    return int((host.home / "containers" / container / "exec" / exec_id / "shim.lock").read_text())


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def engines_of(host: Host) -> dict[int, str]:
    """Every process of the launcher's, and of the zygote's, which forks for it."""
    found = children_of(host.launcher.pid)
    return found | {pid: name for child in found for pid, name in children_of(child).items()}


def children_of(pid: int) -> dict[int, str]:
    """Names of the children, `(name)` for those that are dead and not waited for."""
    listed, found = [], {}
    with suppress(FileNotFoundError, ProcessLookupError):
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in map(int, listed):
        with suppress(FileNotFoundError, ProcessLookupError):
            stat = Path(f"/proc/{child}/stat").read_text()
            name, state = stat[stat.index("(") + 1 : stat.rindex(")")], stat.rpartition(")")[2].split()[0]
            found[child] = f"({name})" if state == "Z" else name
    return found


@pytest.mark.v2
def test_an_exec_shims_death_is_no_programs_and_its_end_is_told_exactly(host: Host, container: str) -> None:
    with host.engine.exec(container, ExecSpec(("sh", "-c", WAIT + "exit 5"), stdin=True)) as running:
        killed = shim_of(host, container, running.id)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: shim_of(host, container, running.id) != killed, "another has taken over")
        assert running.state().running
        running.close_input()
        assert read_all(running.stdout) == "one\ntwo\n"
        assert running.wait(20).exit_code == 5


def test_the_launchers_death_is_no_programs_and_its_end_is_told_exactly(host: Host, container: str) -> None:
    with host.engine.exec(container, ExecSpec(("sh", "-c", WAIT + "exit 6"), stdin=True)) as running:
        host.restart_launcher()
        assert running.state().running
        running.close_input()
        assert read_all(running.stdout) == "one\ntwo\n"
        assert running.wait(20).exit_code == 6
    with host.engine.exec(container, ExecSpec(("true",))) as running:
        assert running.wait(20).exit_code == 0


def test_an_end_that_nobody_saw_is_told_as_such(host: Host, container: str) -> None:
    with host.engine.exec(container, ExecSpec(("sleep", "60"))) as running:
        shim = shim_of(host, container, running.id)
        host.launcher.kill()
        host.launcher.wait()
        os.kill(shim, signal.SIGKILL)
        assert running.wait(0.2).running
        os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: not running.state().running, "it is seen to have ended")
        state = running.state()
        assert (state.exit_code, state.error, state.pid) == (255, UNSEEN_END, 0)
    host.restart_launcher()


def test_a_caller_that_is_killed_leaves_a_program_that_ends_by_itself_and_is_recorded(
    host: Host, container: str
) -> None:
    exec_id = os.urandom(32).hex()
    code = (
        "import sys, os, signal; from pathlib import Path; from engine import Engine, ExecSpec\n"
        "home, run, container, exec_id = sys.argv[1:]\n"
        "Engine(Path(home), Path(run)).exec(container, ExecSpec(('sh', '-c', 'read x; exit 8'), stdin=True),"
        " exec_id=exec_id)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    arguments = [str(host.home), str(host.run), container, exec_id]
    killed = subprocess.run([sys.executable, "-c", code, *arguments], check=False, cwd=CHECKOUT)
    assert killed.returncode == -signal.SIGKILL
    wait_until(lambda: not host.engine.exec_state(container, exec_id).running, "its input has ended, and so has it")
    assert host.engine.exec_state(container, exec_id).exit_code == 8


def test_killed_at_any_step_an_exec_shim_leaves_nothing(host: Host, container: str) -> None:
    """Shims are killed at moments spread over the few milliseconds that an exec takes."""
    first = host.engine.state(container).pid
    wait_until(lambda: is_known(host, first), "the launcher has heard of the container")
    with host.engine.exec(container, ExecSpec(("true",))) as running:
        used = shim_of(host, container, running.id)
        running.wait(20)
    wait_until(lambda: used not in engines_of(host), "its exec shim has ended")
    wait_until(lambda: "moorage-exec" in engines_of(host).values(), "the next stands ready")
    before = descriptors_of(host.launcher.pid)
    moments = random.Random(3)  # noqa: S311 - no secret
    for _ in range(40):
        killer = threading.Thread(target=kill_exec_shims, args=(host, moments.uniform(0, 0.012)))
        killer.start()
        with suppress(EngineError), host.engine.exec(container, ExecSpec(("true",))) as running:
            assert not running.wait(20).running
        killer.join()
    wait_until(lambda: no_strays(host, first), "nothing is left of any of them")
    wait_until(lambda: descriptors_of(host.launcher.pid) <= before, "nor a descriptor in the launcher")
    states = host.engine.exec_states(container)
    assert not [state for state in states if state.running]


def is_known(host: Host, pid: int) -> bool:
    """Whether the launcher, which may have been restarted, knows the container with this first process."""
    with client.connect(str(host.run / "launcher.sock")) as launcher:
        return launcher.attach(pid, takes=False)[0]


def kill_exec_shims(host: Host, after_s: float) -> None:
    time.sleep(after_s)
    for pid, name in engines_of(host).items():
        if name == "moorage-exec":
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def no_strays(host: Host, first: int) -> bool:
    host.engine.ping_launcher()
    others = host.engine._runtime.cgroups.processes(group_of(host, first)) - {first}
    dead = [name for name in engines_of(host).values() if name.startswith("(")]
    return not others and not dead


def group_of(host: Host, pid: int) -> str:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return next(line.split(":", 2)[2] for line in lines if "moorage" in line)
