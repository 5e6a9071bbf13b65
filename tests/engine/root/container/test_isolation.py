"""What a container sees, and what it must not see or touch."""

import os
from pathlib import Path

import pytest

from engine import EngineError, NetworkMode, Rlimit
from engine.container import runs
from tests.services.host import Host

pytestmark = pytest.mark.v2


@pytest.mark.v2_smoke
def test_a_container_has_namespaces_of_its_own(host: Host) -> None:
    kinds = ("mnt", "pid", "uts", "ipc", "net", "cgroup", "user")
    _, output = host.finish("sh", "-c", f"for n in {' '.join(kinds)}; do readlink /proc/self/ns/$n; done")
    ours = {os.readlink(f"/proc/self/ns/{kind}") for kind in kinds}
    assert ours.isdisjoint(output.split())


def test_the_host_network_is_shared_only_when_asked_for(host: Host) -> None:
    _, output = host.finish("readlink", "/proc/self/ns/net", network=NetworkMode.HOST)
    assert output.strip() == os.readlink("/proc/self/ns/net")


def test_without_a_network_there_is_only_loopback_and_it_is_up(host: Host) -> None:
    _, output = host.finish("sh", "-c", "ls /sys/class/net; ping -c1 -W1 127.0.0.1 >/dev/null && echo up")
    assert output.split() == ["lo", "up"]


def test_the_program_is_the_first_process_and_sees_no_other(host: Host) -> None:
    _, output = host.finish("sh", "-c", "echo $$; set -- /proc/[0-9]*; echo $#")
    assert output.split() == ["1", "1"]


def test_its_root_is_the_images_and_nothing_of_the_hosts_is_mounted(host: Host) -> None:
    _, output = host.finish("cat", "/proc/mounts")
    mounts = [line.split()[1] for line in output.splitlines()]
    assert "/" in mounts
    own = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}
    assert all(at == "/" or at in own or at.startswith(("/proc", "/sys", "/dev")) for at in mounts)
    _, output = host.finish("ls", "/")
    assert output.split() == ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "var"]


def test_what_is_written_stays_in_its_own_layer(host: Host) -> None:
    host.finish("sh", "-c", "echo mine > /etc/passwd; rm -r /root")
    _, output = host.finish("sh", "-c", "head -1 /etc/passwd; ls -d /root")
    assert output.splitlines() == ["root:x:0:0:root:/root:/bin/sh", "/root"]


def test_a_read_only_root_refuses_to_be_written(host: Host) -> None:
    state, output = host.finish("sh", "-c", "touch /x 2>&1 || touch /dev/shm/y && echo shm", read_only=True)
    assert state.exit_code == 0
    assert output.splitlines() == ["touch: /x: Read-only file system", "shm"]


@pytest.mark.parametrize("path", ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts"])
def test_files_that_tell_of_the_host_are_empty(host: Host, path: str) -> None:
    _, output = host.finish("sh", "-c", f"[ ! -e {path} ] || wc -c < {path}")
    assert output.strip() in ("", "0") or "Permission denied" in output  # the same by AppArmor


@pytest.mark.parametrize("path", ["/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"])
def test_kernel_settings_cannot_be_written(host: Host, path: str) -> None:
    _, output = host.finish("sh", "-c", f"[ -e {path} ] || exit 0; echo x > {path} && echo written")
    assert "written" not in output


def test_in_its_own_user_namespace_it_can_make_no_device_at_all(host: Host) -> None:
    _, output = host.finish("mknod", "/dev/null2", "c", "1", "3")
    assert "Operation not permitted" in output


@pytest.mark.v2_smoke
def test_a_host_disk_can_be_neither_read_nor_written_through_a_node_of_its_own(host: Host) -> None:
    disk = next(Path("/sys/class/block").iterdir())
    major, minor = (disk / "dev").read_text().strip().split(":")
    script = f"mknod /dev/disk b {major} {minor} && echo made; head -c1 /dev/disk; echo x > /dev/disk"
    _, output = host.finish("sh", "-c", script, userns="host")
    assert output.splitlines()[0] == "made"
    assert output.count("Operation not permitted") == 2


def test_the_usual_devices_work(host: Host) -> None:
    script = "echo x > /dev/null && head -c3 /dev/zero | wc -c && head -c3 /dev/urandom | wc -c; echo x > /dev/full"
    _, output = host.finish("sh", "-c", script)
    assert output.split()[:2] == ["3", "3"]
    assert "No space left" in output


def status_of(output: str) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in output.splitlines() if ":\t" in line)


@pytest.mark.v2_smoke
def test_its_rights_are_dockers_defaults(host: Host) -> None:
    _, output = host.finish("cat", "/proc/self/status")
    status = status_of(output)
    assert status["CapBnd"] == status["CapEff"] == "00000000a80425fb"
    assert status["CapInh"] == status["CapAmb"] == "0" * 16
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert status["SigIgn"] == status["SigBlk"] == "0" * 16


def test_another_user_has_no_capabilities_at_all(host: Host) -> None:
    _, output = host.finish("sh", "-c", "id -u; id -g; echo $HOME; cat /proc/self/status", user="nobody")
    assert output.splitlines()[:3] == ["65534", "65534", "/"]
    assert status_of(output)["CapEff"] == "0" * 16


def test_the_filter_is_on_even_where_new_privileges_are_allowed(host: Host) -> None:
    state, output = host.finish("sh", "-c", "cat /proc/self/status; mount -t tmpfs t /tmp", no_new_privileges=False)
    assert (status_of(output)["NoNewPrivs"], status_of(output)["Seccomp"]) == ("0", "2")
    assert state.exit_code != 0


def test_a_capability_that_was_added_can_be_used(host: Host) -> None:
    state, output = host.finish("mount", "-t", "tmpfs", "t", "/tmp", cap_add=("SYS_ADMIN",), apparmor="unconfined")
    assert state.exit_code == 0, output


def test_no_descriptor_of_the_hosts_reaches_the_program(host: Host) -> None:
    _, output = host.finish("sh", "-c", "ls /proc/1/fd; true")
    assert output.split() == ["0", "1", "2"]


def test_a_container_is_no_better_protected_from_the_oom_killer_than_others(host: Host) -> None:
    _, output = host.finish("cat", "/proc/self/oom_score_adj")
    assert output == "0\n"


def test_process_limits_host_name_folder_and_environment_are_as_asked(host: Host) -> None:
    _, output = host.finish(
        *("sh", "-c", "ulimit -n; ulimit -Hn; hostname; pwd; echo $A"),
        rlimits={"nofile": Rlimit(100, 200)},
        hostname="pier.example",
        cwd="/srv/new",
        env=("A=1 2",),
    )
    assert output.splitlines() == ["100", "200", "pier.example", "/srv/new", "1 2"]


def test_the_working_directory_may_be_reached_by_a_link_but_must_be_a_folder(host: Host) -> None:
    container = host.create("pwd", "-P", cwd="/app/sub")
    (host.home / "containers" / container / "upper" / "app").symlink_to("/srv")
    (host.home / "containers" / container / "upper" / "srv").mkdir()
    host.engine.start(container)
    host.wait(container)
    assert host.output(container) == "/srv/sub\n"
    wrong = host.create("pwd", cwd="/etc/passwd")
    with pytest.raises(EngineError, match="chdir on /etc/passwd failed: Not a directory"):
        host.engine.start(wrong)


@pytest.mark.parametrize("fd", range(3, 13))
def test_a_descriptor_of_the_engines_is_no_way_out_as_working_directory(host: Host, fd: int) -> None:
    container = host.create("ls", cwd=f"/proc/self/fd/{fd}")
    try:
        host.engine.start(container)
    except EngineError as error:
        assert "chdir" in error.message or "openat2" in error.message  # noqa: PT017 - refused, or its own root
    else:
        host.wait(container)
        assert host.output(container).split() == ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "var"]


def test_a_container_sees_its_own_control_group_as_the_root(host: Host) -> None:
    _, output = host.finish("cat", "/proc/self/cgroup")
    assert [line for line in output.splitlines() if "moorage" in line] == []


def test_an_images_links_are_followed_inside_its_own_root_only(host: Host) -> None:
    """/etc/passwd as a link to a file of the host resolves in the image, where nothing is there."""
    container = host.create("true")
    upper = host.home / "containers" / container / "upper"
    (upper / "etc").mkdir()
    (upper / "tmp").symlink_to("/etc")
    (upper / "etc/passwd").symlink_to("/../../../../etc/shadow")
    host.engine.start(container)
    assert host.wait(container).exit_code == 0


def test_a_link_where_a_mount_belongs_is_refused(host: Host) -> None:
    container = host.create("true")
    upper = host.home / "containers" / container / "upper"
    (upper / "proc").symlink_to("/etc")
    with pytest.raises(EngineError, match="mkdir on /proc failed: Not a directory"):
        host.engine.start(container)
    end = runs.read_exit(host.home / "containers" / container)
    assert end is not None
    assert end.exit_code == 128
