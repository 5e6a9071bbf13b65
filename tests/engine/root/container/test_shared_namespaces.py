"""Namespaces that a container shares with the host or with another container."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from engine import Conflict, InvalidSpec, Status, TimeOffset
from tests.services.host import Host
from tests.services.processes import wait_until

pytestmark = pytest.mark.v2

HOSTS = {"network": "net", "pid": "pid", "ipc": "ipc", "uts": "uts", "cgroup_namespace": "cgroup"}
NAMESPACE = HOSTS | {"time": "time"}


def namespace_of(pid: int | str, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")


@pytest.mark.parametrize("field", HOSTS)
def test_the_hosts_own_is_shared_where_asked_for(host: Host, field: str) -> None:
    _, output = host.finish("readlink", f"/proc/self/ns/{NAMESPACE[field]}", **{field: "host"})
    assert output.strip() == namespace_of("self", NAMESPACE[field])


def test_with_the_hosts_processes_it_sees_them(host: Host) -> None:
    _, output = host.finish("ls", "/proc", pid="host")
    assert str(os.getpid()) in output.split()


@pytest.mark.parametrize("userns", ["", "host"])
@pytest.mark.parametrize("field", NAMESPACE)
def test_another_containers_is_shared_and_its_user_namespace_with_it(host: Host, field: str, userns: str) -> None:
    partner = host.start("sleep", "60", ipc="shareable", userns=userns, time_offsets={"boottime": TimeOffset(60)})
    name = host.engine.state(partner).name
    joined = host.start("sh", "-c", "ping -c1 -W5 127.0.0.1 && touch /mine && sleep 60", **{field: f"container:{name}"})
    ours, theirs = host.engine.state(joined).pid, host.engine.state(partner).pid
    for kind in (NAMESPACE[field], "user"):
        assert namespace_of(ours, kind) == namespace_of(theirs, kind)
    others = {"net", "pid", "ipc", "uts", "mnt", "cgroup"} - {NAMESPACE[field]}
    assert all(namespace_of(ours, kind) != namespace_of(theirs, kind) for kind in others)
    mine = host.home / "containers" / joined / "upper" / "mine"
    wait_until(mine.exists, "it has written")
    assert mine.stat().st_uid == 0


def test_with_anothers_ipc_comes_its_shared_memory(host: Host) -> None:
    partner = host.start("sh", "-c", "echo theirs > /dev/shm/file; sleep 60", ipc="shareable")
    shm = Path(f"/proc/{host.engine.state(partner).pid}/root/dev/shm/file")
    wait_until(lambda: shm.exists() and shm.read_text() == "theirs\n", "it has written")
    _, output = host.finish("cat", "/dev/shm/file", ipc=f"container:{partner}")
    assert output == "theirs\n"


def test_with_anothers_network_come_its_names(host: Host) -> None:
    partner = host.start("sleep", "60", hostname="lighthouse", extra_hosts=("buoy:10.1.2.3",))
    _, output = host.finish("cat", "/etc/hosts", "/etc/hostname", network=f"container:{partner}")
    assert "10.1.2.3\tbuoy" in output
    assert output.endswith("lighthouse\n")


def test_a_container_that_does_not_run_cannot_be_joined(host: Host) -> None:
    partner = host.create("sleep", "60")
    joined = host.create("true", network=f"container:{partner}")
    with pytest.raises(Conflict, match="does not run"):
        host.engine.start(joined)
    host.engine.start(partner)
    host.engine.start(joined)
    assert host.wait(joined).exit_code == 0


def test_after_the_partner_was_started_again_its_new_namespace_is_joined(host: Host) -> None:
    partner = host.start("sleep", "60")
    joined = host.create("readlink", "/proc/self/ns/net", network=f"container:{partner}")
    for _ in range(2):
        host.engine.start(joined)
        host.wait(joined)
        now = namespace_of(host.engine.state(partner).pid, "net")
        assert host.output(joined).split()[-1] == now
        host.engine.restart(partner, timeout_s=0)


@pytest.mark.parametrize(
    ("field", "mode"),
    [
        ("network", "bridge-of-none"),
        ("network", "container:"),
        ("network", "container:nobody"),
        ("pid", "container:nobody"),
        ("ipc", "container:nobody"),
        ("ipc", "mine"),
        ("uts", "container:x"),
        ("time", "container:x"),
        ("time", "mine"),
        ("cgroup_namespace", "container:x"),
        ("userns", "container:x"),
    ],
)
def test_a_namespace_that_is_not_there_is_refused_by_its_field(host: Host, field: str, mode: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        host.create("true", **{field: mode})
    assert refused.value.field == field


@pytest.mark.parametrize("whose", ["host", "container"])
def test_nothing_outlives_the_first_process_in_processes_that_are_shared(host: Host, whose: str) -> None:
    partner = host.start("sleep", "60") if whose == "container" else ""
    mode = f"container:{partner}" if partner else "host"
    container = host.start("sh", "-c", "sleep 600 > /dev/null 2>&1 & sleep 600 & echo $!; wait", pid=mode)
    host.wait_for_output(container, "\n")
    group = f"{container}\n"
    assert host.engine.stop(container, timeout_s=10).status is Status.EXITED
    for entry in Path("/proc").glob("[0-9]*/cgroup"):
        with suppress(OSError):  # another process that has just ended
            assert group not in entry.read_text()
    assert not partner or host.engine.state(partner).status is Status.RUNNING
    host.engine.remove(container)


@pytest.mark.parametrize("field", ["uts", "time"])
def test_what_the_partner_shares_with_the_host_is_shared_with_both(host: Host, field: str) -> None:
    partner = host.start("sleep", "60", uts="host")
    state, output = host.finish("readlink", f"/proc/self/ns/{field}", **{field: f"container:{partner}"})
    assert (state.exit_code, output.strip()) == (0, namespace_of("self", field))


@pytest.mark.parametrize("field", ["hostname", "domainname"])
def test_a_name_is_not_given_to_a_namespace_of_somebody_elses(host: Host, field: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        host.create("true", uts="host", **{field: "x"})
    assert refused.value.field == field


@pytest.mark.parametrize("mode", ["", "private", "none"])
def test_ipc_that_is_kept_private_is_not_shared(host: Host, mode: str) -> None:
    partner = host.start("sleep", "60", ipc=mode)
    with pytest.raises(InvalidSpec, match="keeps its IPC"):
        host.create("true", ipc=f"container:{partner}")


def test_ipc_may_be_had_without_shared_memory(host: Host) -> None:
    _, output = host.finish("sh", "-c", "readlink /proc/self/ns/ipc; grep -c /dev/shm /proc/mounts", ipc="none")
    own, count = output.split()
    assert (own != namespace_of("self", "ipc"), count) == (True, "0")


def test_containers_of_two_user_namespaces_cannot_both_be_joined(host: Host) -> None:
    one, other = host.start("sleep", "60"), host.start("sleep", "60")
    with pytest.raises(InvalidSpec, match="different user namespaces"):
        host.create("true", network=f"container:{one}", pid=f"container:{other}")
