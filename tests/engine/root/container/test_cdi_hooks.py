"""Hooks that CDI devices bring, in the panel's own containers."""

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from engine import EngineError, Restart, RestartPolicy, Status
from engine.container import cdi_files, repair
from tests.services.host import Host
from tests.services.processes import wait_until

PHASES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
DEVICE = ("vendor.com/gpu=0",)
TIMEOUT = "took longer than 1 s and was killed"


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cdi_files, "DIRECTORIES", (tmp_path,))
    return tmp_path


@pytest.fixture(scope="module")
def vendor_hook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("vendor") / "vendor-cdi-hook"
    subprocess.run(["gcc", "-O2", "-o", program, Path(__file__).with_name("vendor_hook.c")], check=True)
    return program


def describe(etc: Path, *hooks: dict[str, Any], **edits: Any) -> None:
    edits = {"hooks": hooks, **edits}
    document = {"cdiVersion": "0.5.0", "kind": "vendor.com/gpu", "devices": [{"name": "0", "containerEdits": edits}]}
    (etc / "vendor.json").write_text(json.dumps(document))


def hook(phase: str, script: str, **more: Any) -> dict[str, Any]:
    path = "/bin/sh"
    return {"hookName": phase, "path": path, "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"], **more}


def telling(phase: str, file: Path) -> dict[str, Any]:
    """Writes its phase, its namespaces and the state it was given as one line; inside a container to its output."""
    own = " ".join(f"$(readlink /proc/self/ns/{kind})" for kind in ("mnt", "net", "user"))
    where = "/tmp/told" if phase == "startContainer" else file
    return hook(phase, f"echo {phase} {own} $(cat) >> {where}")


def assert_nothing_is_left(host: Host, container: str, *files: Path) -> None:
    wait_until(lambda: container not in host.engine._runtime.cgroups.names(), "its groups have gone")
    wait_until(lambda: not any(sleeping(file) for file in files), "what hooks began has gone")
    wait_until(lambda: not dead_children(host.launcher.pid), "nobody dead is left")


def dead_children(pid: int) -> list[str]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in children if ") Z " in Path(f"/proc/{child}/stat").read_text()]


def sleeping(file: Path) -> bool:
    """Whether the process whose pid is in the file is there."""
    return Path(f"/proc/{file.read_text().strip()}").exists()


@pytest.mark.v2
@pytest.mark.parametrize("userns", ["", "host"])
def test_a_file_as_a_vendors_toolkit_writes_it_works(host: Host, etc: Path, vendor_hook: Path, userns: str) -> None:
    library, folder = etc / "libvendor.so.9.1", "/usr/lib/vendor"
    library.write_text("a library\n")
    links = [f"libvendor.so.9.1::{folder}/libvendor.so.9", f"libvendor.so.9::{folder}/libvendor.so"]
    name = vendor_hook.name
    describe(
        etc,
        {
            "hookName": "createContainer",
            "path": str(vendor_hook),
            "args": [name, "create-symlinks", "--link", links[0], "--link", links[1]],
        },
        {
            "hookName": "createContainer",
            "path": str(vendor_hook),
            "args": [name, "update-ldcache", "--folder", folder],
            "env": ["VENDOR_DEBUG=false"],
        },
        env=["VENDOR_VISIBLE=void"],
        mounts=[
            {
                "hostPath": str(library),
                "containerPath": f"{folder}/{library.name}",
                "options": ["ro", "nosuid", "nodev", "rbind", "rprivate"],
            }
        ],
    )
    script = f"cat {folder}/libvendor.so; sort /etc/ld.so.cache; stat -c '%u:%g' /etc/ld.so.cache; ls / | wc -l"
    state, output = host.finish("sh", "-c", script, userns=userns, cdi_devices=DEVICE)
    lines = output.splitlines()
    names = ("libvendor.so", "libvendor.so.9", "libvendor.so.9.1")
    assert lines[:5] == ["a library", *(f"{folder}/{one}" for one in names), "0:0"]
    assert state.exit_code == 0
    assert not os.listdir(host.home / "containers" / state.id / "rootfs")


@pytest.mark.v2
def test_every_phase_has_its_turn_its_place_and_the_containers_state(host: Host, etc: Path) -> None:
    file = etc / "told"
    describe(etc, *(telling(phase, file) for phase in PHASES))
    script = "cat /tmp/told; readlink /proc/self/ns/mnt; readlink /proc/self/ns/net"
    state, output = host.finish("sh", "-c", script, cdi_devices=DEVICE)
    inner, mounts, network = output.splitlines()
    wait_until(lambda: len(file.read_text().splitlines()) == 5, "the last hook has run")
    lines = [line.split(" ", 4) for line in file.read_text().splitlines()]
    lines.insert(3, inner.split(" ", 4))
    assert [line[0] for line in lines] == list(PHASES)
    here = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("mnt", "net", "user")]
    for phase, *own, told in lines:
        is_inside = phase in ("createContainer", "startContainer")
        assert own[:2] == ([mounts, network] if is_inside else here[:2])
        assert (own[2] == here[2]) == (phase != "startContainer")
        said = json.loads(told)
        assert (said["id"], said["bundle"]) == (state.id, str(host.home / "containers" / state.id))
        assert (said["pid"] == 1) == is_inside
    words = [json.loads(line[4])["status"] for line in lines]
    assert words == ["creating", "creating", "creating", "created", "running", "stopped"]
    assert_nothing_is_left(host, state.id)


@pytest.mark.parametrize("userns", ["", "host"])
def test_what_a_hook_mounts_at_the_root_is_in_the_container_only(
    host: Host, etc: Path, vendor_hook: Path, userns: str
) -> None:
    words = [vendor_hook.name, "hide", "--folder", "/tmp"]
    describe(etc, {"hookName": "createContainer", "path": str(vendor_hook), "args": words})
    assert host.finish("cat", "/tmp/word", userns=userns, cdi_devices=DEVICE)[1] == "hidden\n"
    assert "hidden" not in Path("/proc/self/mounts").read_text()


def test_each_run_that_the_policy_brings_has_its_hooks(host: Host, etc: Path) -> None:
    file = etc / "told"
    phases = ("createRuntime", "createContainer", "poststart", "poststop")
    describe(etc, *(hook(phase, f"echo {phase} >> {file}") for phase in phases))
    container = host.start("false", cdi_devices=DEVICE, restart=RestartPolicy(Restart.ON_FAILURE, 1))
    host.wait(container)
    assert file.read_text().split() == [*phases, *phases]


@pytest.mark.parametrize("phase", PHASES[1:-1])
def test_a_hook_that_fails_fails_the_start_by_name_and_leaves_nothing(host: Host, etc: Path, phase: str) -> None:
    after = etc / "after"
    script = "echo one; echo the last words >&2; exit 7"
    describe(etc, hook(phase, script), hook("poststop", f"cat >> {after}"))
    container = host.create("sleep", "60", cdi_devices=DEVICE)
    with pytest.raises(EngineError, match=rf"{phase} hook #0 \(/bin/sh\) failed with exit status 7: .*the last words"):
        host.engine.start(container)
    state = host.engine.state(container)
    assert (state.status, state.exit_code) == (Status.EXITED, 128)
    assert "the last words" in state.error
    assert json.loads(after.read_text())["status"] == "stopped"
    assert_nothing_is_left(host, container)
    describe(etc, hook(phase, "exit 0"))
    assert host.engine.start(container).status is Status.RUNNING
    host.engine.remove(container, force=True)


def test_a_hook_that_takes_too_long_is_killed_with_what_it_began(host: Host, etc: Path) -> None:
    pid = etc / "pid"
    describe(etc, hook("createRuntime", f"sleep 100 & echo $! > {pid}; wait", timeout=1))
    container = host.create("sleep", "60", cdi_devices=DEVICE)
    with pytest.raises(EngineError, match=TIMEOUT):
        host.engine.start(container)
    assert_nothing_is_left(host, container, pid)
    host.engine.remove(container)


def test_a_poststop_hook_that_fails_is_told_and_keeps_nobody_from_going_on(host: Host, etc: Path) -> None:
    file = etc / "told"
    describe(etc, hook("poststop", "exit 9"), hook("poststop", f"echo next > {file}"))
    state, _ = host.finish("true", cdi_devices=DEVICE)
    assert (state.exit_code, file.read_text()) == (0, "next\n")
    told = (host.home / "containers" / state.id / "shim.log").read_text()
    assert "poststop hook #0 (/bin/sh) failed with exit status 9" in told


def above(pid: int) -> list[int]:
    """The process and all that is above it, up to its shim."""
    found = []
    while name_of(pid) not in ("moorage-launch", "moorage-zygote"):
        found.append(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def found(command: bytes) -> list[int]:
    """Every process with this command line."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if path.read_bytes() == command:
                pids.append(int(path.parent.name))
    return pids


def fork(act: Callable[[], object]) -> int:
    """A process that does it."""
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            act()
        os._exit(0)
    return pid


@pytest.mark.parametrize(
    ("phase", "victim"),
    [
        *(("createContainer", victim) for victim in ("runner", "helper", "birth", "shim", "engine", "launcher")),
        *(("poststart", victim) for victim in ("runner", "helper", "birth", "shim", "engine")),
    ],
)
def test_whoever_is_killed_while_a_hook_runs_it_ends_and_is_repaired(
    host: Host, etc: Path, monkeypatch: pytest.MonkeyPatch, phase: str, victim: str
) -> None:
    monkeypatch.setattr(repair, "_START_GRACE_S", 0.2)
    after, seconds = etc / "after", secrets.randbelow(10**6) + 1000
    sleeping = b"sleep\0%d\0" % seconds
    describe(etc, hook(phase, f"sleep {seconds} & wait $!"), hook("poststop", f"echo after > {after}"))
    container = host.create("sleep", "60", cdi_devices=DEVICE)
    starting = fork(lambda: host.engine.start(container))
    [program] = wait_until(lambda: found(sleeping), "the hook runs")
    victims = dict(zip(("program", "hook", "runner", "helper", "birth", "shim"), above(program), strict=True))
    os.kill((victims | {"engine": starting, "launcher": host.launcher.pid})[victim], signal.SIGKILL)
    if victim in ("engine", "launcher"):
        os.kill(program, signal.SIGKILL)
    os.waitpid(starting, 0)
    wait_until(lambda: not found(sleeping), "the hook has ended")
    if victim == "launcher":
        host.restart_launcher()
    host.engine.repair()
    assert host.engine.state(container).status is Status.EXITED
    assert after.read_text() == "after\n"
    assert_nothing_is_left(host, container)
    describe(etc)
    assert host.engine.start(container).status is Status.RUNNING
    host.engine.remove(container, force=True)


def test_a_repair_waits_for_hooks_that_still_run(host: Host, etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "_START_GRACE_S", 0.0)
    describe(etc, hook("createRuntime", f"touch {etc}/runs; sleep 0.5"))
    container = host.create("sleep", "60", cdi_devices=DEVICE)
    starting = fork(lambda: host.engine.start(container))
    wait_until((etc / "runs").exists, "the hook runs")
    os.kill(starting, signal.SIGKILL)
    os.waitpid(starting, 0)
    host.engine.repair()
    assert host.engine.state(container).status is Status.RUNNING
    host.engine.remove(container, force=True)


@pytest.mark.parametrize("victim", ["runner", "watcher", "shim"])
def test_whoever_is_killed_while_a_poststop_hook_runs_it_ends_and_so_does_the_run(
    host: Host, etc: Path, victim: str
) -> None:
    before, after, seconds = etc / "before", etc / "after", secrets.randbelow(10**6) + 1000
    sleeping = b"sleep\0%d\0" % seconds
    once = f"[ -e {before} ] || {{ touch {before}; sleep {seconds} & wait $!; }}"
    describe(etc, hook("poststop", once), hook("poststop", f"echo after > {after}"))
    container = host.start("true", cdi_devices=DEVICE)
    [program] = wait_until(lambda: found(sleeping), "the hook runs")
    victims = dict(zip(("program", "hook", "runner", "watcher", "shim"), above(program), strict=True))
    os.kill(victims[victim], signal.SIGKILL)
    wait_until(lambda: not found(sleeping), "the hook has ended")
    state = host.engine.wait(container, timeout_s=20)  # by which a run does not seem to have ended unseen
    assert state is not None
    assert state.exit_code == 0
    assert after.exists() == (victim == "shim")  # then another shim has had all of them run
    assert_nothing_is_left(host, container)
