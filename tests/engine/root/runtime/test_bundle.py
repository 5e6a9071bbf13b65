"""What a bundle's configuration says is what its program finds, field by field (config.md, config-linux.md)."""

import json
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.services.bundles import CHECKOUT, NAMESPACES, OciRuntime, configuration

pytestmark = pytest.mark.v2


CAPABILITY_SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")


def words(oci: OciRuntime, script: str, **changes: Any) -> list[str]:
    """What a shell script writes in a container of its own, word by word."""
    ended = oci.run("sh", "-c", script, **changes)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


def test_the_process_is_what_the_bundle_says(oci: OciRuntime) -> None:
    script = (
        "id -u; id -G; umask; pwd; echo $A; ulimit -n; cat /proc/self/oom_score_adj; uname -m; hostname;"
        " cat /proc/sys/kernel/domainname; grep -E 'CapEff|CapAmb|NoNewPrivs' /proc/self/status | cut -f2; ionice"
    )
    found = words(
        oci,
        script,
        hostname="slartibartfast",
        domainname="magrathea",
        process__cwd="/new/folder",
        process__env=["PATH=/bin", "A=b"],
        process__user={"uid": 5, "gid": 6, "umask": 0o27, "additionalGids": [7, 8]},
        process__rlimits=[{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 100}],
        process__oomScoreAdj=77,
        process__capabilities={kind: ["CAP_KILL"] for kind in CAPABILITY_SETS},
        process__noNewPrivileges=False,
        process__ioPriority={"class": "IOPRIO_CLASS_IDLE"},
        linux__personality={"domain": "LINUX32"},
    )
    machine = {"x86_64": "i686", "aarch64": "armv8l"}[os.uname().machine]
    kill = f"{1 << 5:016x}"
    assert found[:11] == ["5", "6", "7", "8", "0027", "/new/folder", "b", "99", "77", machine, "slartibartfast"]
    assert found[11:] == ["magrathea", kill, kill, "0", "idle"]


def test_the_root_may_be_read_only_and_is_the_bundles_own(oci: OciRuntime) -> None:
    assert words(oci, "touch /x 2>/dev/null || echo refused", root__readonly=True) == ["refused"]
    words(oci, "touch /was-here")
    assert (oci.folder / "rootfs/was-here").exists()
    (oci.folder / "rootfs/was-here").unlink()


def test_the_usual_devices_are_there_and_those_asked_for(oci: OciRuntime) -> None:
    device = {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 1, "gid": 2}
    usual = "null zero full random urandom tty ptmx fd stdin"
    script = f"for d in {usual}; do [ -e /dev/$d ] || echo no $d; done; stat -c '%a %u %g' /dev/fuse"
    assert words(oci, script, linux__devices=[device]) == ["640", "1", "2"]


def test_only_devices_that_are_allowed_can_be_opened(oci: OciRuntime) -> None:
    nodes = [{"path": f"/dev/{name}", "type": "c", "major": 1, "minor": minor} for name, minor in (("a", 1), ("b", 11))]
    deny, kmsg = {"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"}
    script = "true >/dev/null && echo null; true </dev/b || echo refused; true >/dev/b && echo b; mknod /dev/c c 9 9"
    capabilities = {kind: ["CAP_MKNOD"] for kind in ("bounding", "effective", "permitted")}
    changes = {"linux__devices": nodes, "process__capabilities": capabilities}
    found = words(oci, f"({script}) 2>/dev/null", linux__resources={"devices": [deny, kmsg]}, **changes)
    assert found == ["null", "refused", "b"]
    every = {"allow": True, "type": "c", "major": -1, "minor": -1, "access": "rwm"}
    found = words(oci, "true >/dev/b && echo b", linux__resources={"devices": [deny, every]}, **changes)
    assert found == ["b"]


def test_a_file_in_the_place_of_a_device_is_told(oci: OciRuntime) -> None:
    device = {"path": "/etc/passwd", "type": "c", "major": 1, "minor": 3}
    assert "mknod on /etc/passwd" in oci.run("true", linux__devices=[device]).stderr
    same = {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600}
    assert words(oci, "stat -c %a /dev/null", linux__devices=[same]) == ["600"]


def test_paths_are_masked_and_made_read_only(oci: OciRuntime) -> None:
    script = "wc -c < /proc/uptime; echo 1 > /proc/sys/vm/drop_caches || echo refused"
    found = words(oci, f"{script} 2>/dev/null", linux__maskedPaths=["/proc/uptime"], linux__readonlyPaths=["/proc/sys"])
    assert found == ["0", "refused"]


def test_settings_of_namespaces_are_set(oci: OciRuntime) -> None:
    sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "9000"}
    found = words(oci, "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax", linux__sysctl=sysctl)
    assert found == ["1", "9000"]


def test_namespaces_are_made_shared_or_joined(oci: OciRuntime) -> None:
    own = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "uts", "ipc", "pid", "cgroup")}
    script = "for kind in net uts ipc pid cgroup; do readlink /proc/self/ns/$kind; done"
    found = words(oci, script)
    assert set(found).isdisjoint(own.values())
    assert words(oci, script, linux__namespaces=[{"type": "mount"}]) == list(own.values())


def test_a_namespace_is_joined_by_its_path(oci: OciRuntime) -> None:
    script = "readlink /proc/self/ns/net; readlink /proc/self/ns/uts; readlink /proc/self/ns/pid"
    mapping = [{"containerID": 0, "hostID": 200000, "size": 1000}]
    own_ids = {"linux__uidMappings": mapping, "linux__gidMappings": mapping}
    kinds = [{"type": kind} for kind in (*NAMESPACES, "user")]
    partner = oci.start(oci.bundle("sleep", "60", linux__namespaces=kinds, **own_ids))
    at = f"/proc/{oci.state(partner)['pid']}/ns"
    theirs = [os.readlink(f"{at}/{kind}") for kind in ("net", "uts", "pid")]
    paths = {"network": "net", "uts": "uts", "pid": "pid", "user": "user"}
    joined = [{"type": kind, "path": f"{at}/{name}"} for kind, name in paths.items()]
    assert words(oci, script, linux__namespaces=[{"type": "mount"}, *joined]) == theirs
    wrong = [{"type": "mount"}, {"type": "network", "path": f"{at}/uts"}]
    assert "setns" in oci.run("true", linux__namespaces=wrong).stderr
    missing = [{"type": "mount"}, {"type": "network", "path": "/nosuch"}]
    assert "/nosuch" in oci.run("true", linux__namespaces=missing).stderr
    oci.call("delete", "--force", partner, check=True)


def test_a_user_namespace_has_the_maps_of_the_bundle(oci: OciRuntime) -> None:
    mapping = [{"containerID": 0, "hostID": 200000, "size": 1000}]
    found = words(
        oci,
        "cat /proc/self/uid_map; stat -c %u /proc/self/ /dev/null; echo x > /dev/null && echo written",
        linux__namespaces=[{"type": kind} for kind in (*NAMESPACES, "user")],
        linux__uidMappings=mapping,
        linux__gidMappings=mapping,
    )
    assert found == ["0", "200000", "1000", "0", "0", "written"]


def test_clocks_are_shifted_in_a_time_namespace(oci: OciRuntime) -> None:
    found = words(
        oci,
        "cut -d. -f1 /proc/uptime",
        linux__namespaces=[{"type": kind} for kind in (*NAMESPACES, "time")],
        linux__timeOffsets={"boottime": {"secs": 5_000_000}},
    )
    assert int(found[0]) > 5_000_000


def test_control_groups_are_where_the_bundle_says(oci: OciRuntime) -> None:
    changes = {"linux__cgroupsPath": "/moorage/test-inside", "linux__resources": {"pids": {"limit": 7}}}
    container_id = oci.start(oci.bundle("sleep", "60", **changes))
    groups = Path(f"/proc/{oci.state(container_id)['pid']}/cgroup").read_text()
    assert ":/moorage/test-inside" in groups
    with pytest.raises(RuntimeError, match="rmdir"):
        oci.create(oci.bundle("true", linux__cgroupsPath="/moorage/test-inside"))
    oci.call("delete", "--force", container_id, check=True)
    assert not list(Path("/sys/fs/cgroup").glob("**/moorage/test-inside"))


def test_without_a_cgroup_namespace_it_sees_its_own_groups_of_v1_all_the_same(oci: OciRuntime, tmp_path: Path) -> None:
    if not Path("/sys/fs/cgroup/pids").exists():
        pytest.skip("on v2 one tree shows what /proc/self/cgroup speaks of")
    usual = configuration(root=oci.folder)["mounts"]
    groups = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}
    inside = {"destination": "/sys/fs/cgroup/systemd", "type": "bind", "source": str(tmp_path), "options": ["bind"]}
    found = words(
        oci,
        "cat /sys/fs/cgroup/pids/pids.max; mkdir /sys/fs/cgroup/x 2>/dev/null || echo refused; ls /sys/fs/cgroup",
        linux__namespaces=[{"type": kind} for kind in NAMESPACES if kind != "cgroup"],
        linux__resources={"pids": {"limit": 7}},
        mounts=[*usual, groups, inside],
    )
    assert found[:2] == ["7", "refused"]
    assert {"pids", "systemd"} <= set(found)


def test_no_group_is_left_of_limits_that_cannot_be_kept(oci: OciRuntime) -> None:
    bundle = oci.bundle("true", linux__cgroupsPath="/moorage/test-refused", linux__resources={"cpu": {"cpus": "4000"}})
    with pytest.raises(RuntimeError, match="cpus"):
        oci.create(bundle)
    assert not list(Path("/sys/fs/cgroup").glob("**/moorage/test-refused"))


def test_a_memory_limit_that_only_the_program_fits_in_is_kept(oci: OciRuntime) -> None:
    limit = {"memory": {"limit": 1 << 20}}
    assert words(oci, "echo small", linux__resources=limit) == ["small"]
    assert oci.run("sh", "-c", "head -c 8m /dev/zero | tail", linux__resources=limit).returncode == 137


def test_mounts_come_in_their_order_with_their_options(oci: OciRuntime, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("given\n")
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]},
        {"destination": "/data/in", "type": "bind", "source": str(tmp_path), "options": ["rbind", "ro"]},
    ]
    script = "cat /data/in/file; touch /data/x && echo x; touch /data/in/x 2>/dev/null || echo refused"
    assert words(oci, script, mounts=mounts) == ["given", "x", "refused"]


def test_owners_are_shifted_in_a_mount_with_mappings(oci: OciRuntime, tmp_path: Path) -> None:
    os.chown(tmp_path, 7, 8)
    os.chmod(tmp_path, 0o777)  # noqa: S103 - a user of the container writes there
    mapping = [{"containerID": 0, "hostID": 1000, "size": 100}]
    bind: dict[str, Any] = {"destination": "/data", "type": "bind", "source": str(tmp_path), "options": ["bind"]}
    usual = configuration(root=oci.folder)["mounts"]
    mapped = bind | {"uidMappings": mapping, "gidMappings": mapping}
    assert words(oci, "stat -c '%u %g' /data", mounts=[*usual, mapped]) == ["1007", "1008"]
    own = [{"containerID": 0, "hostID": 200000, "size": 1000}]
    found = words(
        oci,
        "stat -c '%u %g' /data; touch /data/x",
        linux__namespaces=[{"type": kind} for kind in (*NAMESPACES, "user")],
        linux__uidMappings=own,
        linux__gidMappings=own,
        mounts=[*usual, bind | {"options": ["bind", "idmap"]}],
    )
    assert found == ["7", "8"]
    assert (tmp_path / "x").stat().st_uid == 0


def test_descriptors_are_passed_on_only_when_asked_for(oci: OciRuntime, tmp_path: Path) -> None:
    for asked, wanted in (("--preserve-fds=1", "through 3\n"), ("--preserve-fds=0", "")):
        bundle = oci.bundle("sh", "-c", "echo through 3 >&3")
        container_id = oci.create(bundle, asked, third=tmp_path / "third")
        oci.call("start", container_id, check=True)
        oci.await_status(container_id, "stopped")
        assert (tmp_path / "third").read_text() == wanted


def test_another_user_may_open_its_output_by_name(oci: OciRuntime) -> None:
    bundle = oci.bundle("sh", "-c", "echo x > /dev/stdout", process__user={"uid": 5, "gid": 5})
    line = [*oci.command, "run", "--bundle", str(bundle), "by-name"]
    ended = subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "x\n"


def test_a_terminal_is_given_to_who_listens(oci: OciRuntime, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "console"))
        listening.listen(1)
        size = {"process__terminal": True, "process__consoleSize": {"height": 30, "width": 100}}
        bundle = oci.bundle("sh", "-c", "stty size; read word; echo $word; tty", **size)
        container_id = oci.create(bundle, "--console-socket", tmp_path / "console")
        connection, _ = listening.accept()
        _, (master,), _, _ = socket.recv_fds(connection, 100, 1)
        connection.close()
    oci.call("start", container_id, check=True)
    os.write(master, b"hello\n")
    oci.await_status(container_id, "stopped")
    shown = b"".join(iter(lambda: _read(master), b""))
    os.close(master)
    assert sorted(shown.decode().split()) == ["/dev/pts/0", "100", "30", "hello", "hello"]
    with pytest.raises(RuntimeError, match="console-socket"):
        oci.create(oci.bundle("true", process__terminal=True))


def _read(master: int) -> bytes:
    try:
        return os.read(master, 1000)
    except OSError:
        return b""


def test_calls_are_left_to_a_seccomp_agent(oci: OciRuntime, tmp_path: Path) -> None:
    told: list[Any] = []

    def listen(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        data, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 1)
        told.extend([json.loads(data), os.readlink(f"/proc/self/fd/{descriptors[0]}")])
        for fd in descriptors:
            os.close(fd)  # the kernel answers ENOSYS for an agent that is gone
        connection.close()

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "agent"))
        listening.listen(1)
        agent = threading.Thread(target=listen, args=(listening,))
        agent.start()
        rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}
        section = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule], "flags": ["SECCOMP_FILTER_FLAG_LOG"]}
        section |= {"listenerPath": str(tmp_path / "agent"), "listenerMetadata": "words"}
        bundle = oci.bundle("sh", "-c", "mkdir /tmp/x 2>&1", linux__seccomp=section)
        container_id = oci.start(bundle)
        agent.join(20)
    oci.await_status(container_id, "stopped")
    state, descriptor = told
    assert descriptor == "anon_inode:seccomp notify"
    assert (state["fds"], state["metadata"], state["state"]["id"]) == (["seccompFd"], "words", container_id)
    assert state["pid"] == state["state"]["pid"]
    assert "Function not implemented" in (bundle / "output").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"process__apparmorProfile": "nosuch"}, "apparmor"),
        ({"process__selinuxLabel": "x"}, "SELinux"),
        ({"linux__intelRdt": {"closID": "x"}}, "resctrl"),
        ({"root__path": "/nosuch"}, "root.path"),
        ({"linux__namespaces": [{"type": "pid"}]}, "mount namespace"),
        ({"linux__namespaces": [{"type": "mount", "path": "/proc/1/ns/mnt"}]}, "mount namespace"),
        ({"mounts": [{"destination": "/x", "type": "nosuchfs", "source": "x"}]}, "nosuchfs"),
    ],
)
def test_what_this_host_cannot_do_is_told(oci: OciRuntime, change: dict[str, Any], said: str) -> None:
    ended = oci.run("true", **change)
    assert ended.returncode == 1
    assert said.lower() in ended.stderr.lower()


def test_labels_of_mounts_are_ignored_with_a_warning(oci: OciRuntime) -> None:
    ended = oci.run("true", linux__mountLabel="system_u:object_r:x")
    assert ended.returncode == 0
    assert "level=warning" in ended.stderr
