"""The ways out of a container that are known, tried from inside: by the kernel's calls, by other processes, by ids."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import EngineError, Resources, Rlimit, Status
from tests.engine.root.container.conftest import ALL_RIGHTS, HOST_IDS, OWN_IDS
from tests.services.host import Host
from tests.services.keys import user_key

USUAL = pytest.mark.parametrize("rights", [OWN_IDS, HOST_IDS], ids=["own-ids", "host-ids"])
ALL = pytest.mark.parametrize("rights", [OWN_IDS, HOST_IDS, ALL_RIGHTS], ids=["own-ids", "host-ids", "all-rights"])
OF_THE_HOST = ("acct", "clock_settime", "swapoff", "swapon", "syslog")
"""Calls that not even root of a user namespace may make."""


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the host's."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def errors(output: str) -> dict[str, str]:
    return dict(line.split() for line in output.splitlines())


@pytest.mark.v2
@USUAL
def test_calls_that_no_container_needs_are_forbidden(attacked: Host, rights: dict[str, Any]) -> None:
    _, output = attacked.finish("attack", "calls", **rights)
    found = errors(output)
    assert len(found) > 25
    assert {name: error for name, error in found.items() if error != "EPERM"} == {"clone3": "ENOSYS"}
    _, output = attacked.finish("attack", "namespaces", **rights)
    assert output.split() == ["EPERM"] * 7


def test_what_belongs_to_the_host_alone_is_refused_whatever_was_granted(attacked: Host) -> None:
    _, output = attacked.finish("attack", "calls", **ALL_RIGHTS)
    found = errors(output)
    assert {found[name] for name in OF_THE_HOST} == {"EPERM"}
    assert {found[name] for name in ("init_module", "finit_module", "delete_module", "kexec_load")} <= {
        "EPERM",
        "ENOSYS",
    }


@pytest.mark.v2
@ALL
def test_a_signal_to_everybody_reaches_nobody_outside(
    attacked: Host, bystander: "subprocess.Popen[bytes]", rights: dict[str, Any]
) -> None:
    other = attacked.start("sleep", "600", **rights)
    state, output = attacked.finish("sh", "-c", "attack kill_all; attack kill_all & wait", **rights)
    assert (state.exit_code, "done" in output) == (0, False)
    assert bystander.poll() is None
    assert attacked.engine.state(other).status is Status.RUNNING


@ALL
def test_keys_of_the_host_are_not_found(attacked: Host, rights: dict[str, Any]) -> None:
    with user_key("moorage-secret"):
        _, output = attacked.finish("attack", "key", "moorage-secret", **rights)
    assert output.split() in (["EPERM"] * 2, ["ENOKEY"] * 2)


@ALL
def test_abstract_sockets_of_the_host_cannot_be_reached(attacked: Host, rights: dict[str, Any]) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0moorage-attack")
        server.listen()
        _, output = attacked.finish("attack", "abstract_socket", "moorage-attack", **rights)
    assert output.strip() == "ECONNREFUSED"


@ALL
def test_shared_memory_and_queues_of_others_are_not_there(attacked: Host, rights: dict[str, Any]) -> None:
    made = subprocess.run(["ipcmk", "-M", "4096"], check=True, capture_output=True, text=True).stdout.split()[-1]
    try:
        segments = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        key = next(line.split()[0] for line in segments if line.split()[1] == made)
        attacked.start("sh", "-c", "touch /dev/shm/theirs /dev/mqueue/theirs; sleep 600", **rights)
        _, output = attacked.finish("sh", "-c", f"attack shared_memory {key}; ls /dev/shm /dev/mqueue", **rights)
    finally:
        subprocess.run(["ipcrm", "-m", made], check=True)
    assert output.split() == ["ENOENT", "/dev/mqueue:", "/dev/shm:"]


@pytest.mark.v2
@pytest.mark.parametrize("rights", [OWN_IDS, ALL_RIGHTS], ids=["own-ids", "all-rights"])
def test_ids_beyond_its_range_cannot_be_taken_or_given(attacked: Host, rights: dict[str, Any]) -> None:
    _, output = attacked.finish("attack", "ids", **rights)
    assert output.split() == ["EINVAL"] * 3


@USUAL
def test_a_program_with_set_user_id_gives_nobody_more_rights(attacked: Host, rights: dict[str, Any]) -> None:
    _, output = attacked.finish("elevate", "effective_ids", user="nobody", **rights)
    assert output == "65534 65534\n"
    _, output = attacked.finish("elevate", "effective_ids", user="nobody", no_new_privileges=False, **rights)
    assert output == "0 0\n"


@pytest.mark.v2
def test_what_a_container_uses_up_is_its_own(attacked: Host) -> None:
    limits = {"resources": Resources(pids=30), "rlimits": {"nofile": Rlimit(100, 100)}}
    greedy = attacked.start("sh", "-c", "attack exhaust; sleep 600", **limits, **ALL_RIGHTS)
    attacked.wait_for_output(greedy, "processes")
    descriptors, processes = (line.split() for line in attacked.output(greedy).splitlines()[:2])
    assert descriptors == ["descriptors", "EMFILE", "97"]
    assert processes[1] == "EAGAIN"
    assert int(processes[2]) < 30
    assert attacked.finish("true", **OWN_IDS)[0].exit_code == 0


@pytest.mark.parametrize(
    "rights", [OWN_IDS, OWN_IDS | {"cap_add": ("SYS_PTRACE",)}, HOST_IDS], ids=["own-ids", "with-ptrace", "host-ids"]
)
def test_a_container_that_shares_its_processes_sees_nothing_of_the_birth_of_another(
    attacked: Host, rights: dict[str, Any]
) -> None:
    """As CVE-2016-9962 did: up to execve a first process holds descriptors of the host's."""
    racing = attacked.start("attack", "race", "1", **rights)
    attacked.wait_for_output(racing, "racing")
    born = 0
    while attacked.engine.state(racing).status is Status.RUNNING:
        try:
            attacked.start("true", pid=f"container:{racing}", **rights)
        except EngineError:
            break  # it has ended just now
        born += 1
    attacked.wait(racing)
    assert attacked.output(racing).splitlines() == ["racing", "caught nothing"]
    assert born > 3


def test_a_program_never_runs_with_the_engines_environment(attacked: Host) -> None:
    _, output = attacked.finish("env", env=("ONLY=this",), **OWN_IDS)
    assert {line.partition("=")[0] for line in output.splitlines()} <= {"ONLY", "PATH", "HOME", "HOSTNAME"}
    assert os.environ.keys() - {"PATH", "HOME"}
