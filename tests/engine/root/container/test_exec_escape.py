"""What a container can do to whoever runs a program in it: nothing that it could not do before."""

import errno
import os
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import Conflict, EngineError, ExecSpec, Status
from engine.container import runs
from engine.launcher import records
from tests.services.execs import finish
from tests.services.host import Host
from tests.services.processes import wait_until

ROOT = ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "var"]


@pytest.fixture(scope="module")
def container(host: Host) -> str:
    return host.start("sleep", "600")


@pytest.fixture(scope="module")
def snoop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program for the inside that tries to get hold of every process on its way to another."""
    program = tmp_path_factory.mktemp("snoop") / "snoop"
    source = Path(__file__).with_name("snoop.c")
    subprocess.run(["gcc", "-O2", "-static", "-o", program, source], check=True)
    return program


def upper_of(host: Host, container: str) -> Path:
    return host.home / "containers" / container / "upper"


@pytest.mark.v2
def test_a_program_gets_no_descriptor_but_its_own(host: Host, container: str) -> None:
    for terminal in (False, True):
        spec = ExecSpec(("sh", "-c", "ls /proc/$$/fd > /tmp/fds; true"), terminal=terminal)
        with host.engine.exec(container, spec) as running:
            assert running.wait(20).exit_code == 0
        _, output, _ = finish(host, container, "cat", "/tmp/fds")
        # A shell keeps a descriptor of its own of the terminal it controls.
        assert [fd for fd in output.split() if fd != "10"] == ["0", "1", "2"]


@pytest.mark.v2
@pytest.mark.parametrize("userns", ["", "host"])
def test_no_descriptor_leads_out_as_working_directory(host: Host, userns: str) -> None:
    container = host.start("sleep", "60", userns=userns)
    for fd in range(3, 20):
        with suppress(EngineError):
            _, output, _ = finish(host, container, "ls", cwd=f"/proc/self/fd/{fd}")
            assert output.split() == ROOT


@dataclass
class Found:
    """What the snoop got hold of."""

    seen: int
    traced: int
    memory: int
    executable: int
    written: int
    capabilities: int
    seccomp: int


def snooped(host: Host, snoop: Path, **spec: object) -> tuple[Found, int]:
    """Run programs until the snoop has seen a few on their way; what it found, and the container's capabilities."""
    container = host.create("/snoop", cap_add=("SYS_PTRACE",), **spec)
    (upper_of(host, container) / "snoop").write_bytes(snoop.read_bytes())
    (upper_of(host, container) / "snoop").chmod(0o755)
    host.engine.start(container)
    status = Path(f"/proc/{host.engine.state(container).pid}/status").read_text()
    bounding = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd"))
    for _ in range(20):
        with suppress(EngineError), host.engine.exec(container, ExecSpec(("true",))) as running:
            running.wait(20)
    host.engine.stop(container, timeout_s=20)
    *counts, capabilities, seccomp = host.output(container).split()
    seen, traced, memory, executable, written = map(int, counts)
    return Found(seen, traced, memory, executable, written, int(capabilities, 16), int(seccomp)), bounding


def test_a_tracer_inside_cannot_look_into_a_process_on_its_way_in(host: Host, snoop: Path) -> None:
    found, _ = snooped(host, snoop)
    assert found.seen > 0
    assert (found.traced, found.memory, found.executable, found.written) == (0, 0, 0, 0)


def test_a_tracer_with_the_hosts_ids_finds_no_right_more_than_it_has(host: Host, snoop: Path) -> None:
    found, bounding = snooped(host, snoop, userns="host", apparmor="unconfined")
    assert found.seen > 0
    assert found.capabilities & ~bounding == 0
    assert (found.written, found.seccomp) == (0, 2)


@pytest.mark.v2
@pytest.mark.parametrize("userns", ["", "host"])
def test_the_engines_interpreter_cannot_be_written_to_by_what_executes_it(host: Host, userns: str) -> None:
    """CVE-2019-5736: a program that is /proc/self/exe, or a script for it, is the engine's own interpreter."""
    assert os.statvfs(f"/proc/{host.launcher.pid}/exe").f_flag & os.ST_RDONLY
    with pytest.raises(OSError, match=r"busy|Read-only") as refused:
        os.close(os.open(f"/proc/{host.launcher.pid}/exe", os.O_WRONLY))
    assert refused.value.errno in (errno.ETXTBSY, errno.EROFS)
    container = host.create("sleep", "60", userns=userns)
    script = upper_of(host, container) / "script"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    host.engine.start(container)
    for command in ("/proc/self/exe", "/script"):
        with pytest.raises(EngineError):  # its loader is not there
            host.engine.exec(container, ExecSpec((command,)))


def test_a_root_that_the_first_process_changed_for_itself_is_not_taken_for_the_containers(host: Host) -> None:
    script = (
        "mkdir -p /jail/bin /jail/etc; cp /bin/busybox /jail/bin/sleep; echo 'nobody:x:0:0::/:' > /jail/etc/passwd;"
        " echo ready; exec chroot /jail /bin/sleep 60"
    )
    container = host.start("sh", "-c", script)
    wait_until(lambda: "ready" in host.output(container), "its root is about to be changed")
    wait_until(lambda: "sleep" in Path(f"/proc/{host.engine.state(container).pid}/comm").read_text(), "it was")
    _, output, _ = finish(host, container, "ls", "/")
    assert output.split() == sorted([*ROOT, "jail"])
    _, output, _ = finish(host, container, "id", "-u", user="nobody")
    assert output == "65534\n"


def test_a_root_that_was_changed_under_everybody_is_where_a_program_goes(host: Host) -> None:
    script = (
        "mkdir /new; mount -t tmpfs new /new; cd /new; mkdir bin dev proc old; cp /bin/busybox bin/sh;"
        " ln bin/sh bin/ls; ln bin/sh bin/sleep; mount --rbind /proc proc; mount --rbind /dev dev; pivot_root . old;"
        " umount -l /old; rmdir /old; exec /bin/sleep 60"
    )
    container = host.start("sh", "-c", script, cap_add=("SYS_ADMIN",), seccomp="unconfined", apparmor="unconfined")
    first = host.engine.state(container).pid
    wait_until(lambda: "sleep" in Path(f"/proc/{first}/comm").read_text(), "the root was changed")
    state, output, errors = finish(host, container, "ls", "/")
    assert (output.split(), errors) == (["bin", "dev", "proc"], ""), state
    with pytest.raises(EngineError, match="chdir on /etc failed"):
        host.engine.exec(container, ExecSpec(("ls",), cwd="/etc"))


def test_links_and_nodes_put_in_the_way_are_not_followed_out_or_waited_for(host: Host) -> None:
    script = (
        "rm -f /dev/null /dev/ptmx; mkfifo /dev/null; umount /dev/pts; mkdir -p /dev/pts; mkfifo /dev/pts/ptmx;"
        " rm -rf /etc; ln -s /proc/1/root/etc /etc; ln -s /proc/self/fd/3 /way; echo ready; exec sleep 60"
    )
    container = host.start("sh", "-c", script, cap_add=("SYS_ADMIN",), seccomp="unconfined", apparmor="unconfined")
    wait_until(lambda: "ready" in host.output(container), "everything is in the way")
    began = time.monotonic()
    with pytest.raises(EngineError, match="/dev/null"):
        host.engine.exec(container, ExecSpec(("true",)))
    with pytest.raises(EngineError, match="ptmx"):
        host.engine.exec(container, ExecSpec(("true",), terminal=True))
    with pytest.raises(EngineError):
        host.engine.exec(container, ExecSpec(("true",), stdin=True, user="messagebus"))
    with suppress(EngineError):
        _, output, _ = finish(host, container, "ls", "/", cwd="/way", stdin=True)
        assert "boot" not in output.split()
    assert time.monotonic() - began < 10


def test_a_pid_that_has_become_another_process_is_not_entered(host: Host) -> None:
    container = host.start("sleep", "60")
    folder = host.home / "containers" / container
    started = runs.read_started(folder)
    assert started is not None
    time.sleep(0.05)  # not within the same tick of the clock
    other = subprocess.Popen(["sleep", "60"])
    try:
        records.write(str(folder), started._replace(pid=other.pid))
        assert host.engine.state(container).status in (Status.RUNNING, Status.EXITED)
        with pytest.raises(Conflict, match="is not running"):
            host.engine.exec(container, ExecSpec(("true",)))
    finally:
        other.kill()
        other.wait()
        records.write(str(folder), started)


def test_a_program_sees_no_keys_of_whoever_runs_it(host: Host) -> None:
    container = host.start("sleep", "60", privileged=True)

    def keyrings() -> set[str]:
        _, output, _ = finish(host, container, "grep", "_ses", "/proc/keys")
        return {line.split()[0] for line in output.splitlines()}

    earlier = keyrings()
    assert keyrings() - earlier
