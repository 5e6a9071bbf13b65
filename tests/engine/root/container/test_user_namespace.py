"""A user namespace for every container: root inside is nobody outside, and files are nonetheless root's on the disk."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from engine import InvalidSpec, Mount, MountType, NetworkMode, Rlimit
from engine.container import user_namespaces
from tests.services.host import Host

pytestmark = pytest.mark.v2


def owner(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid


@pytest.mark.v2_smoke
def test_each_container_has_a_range_of_65536_ids_of_its_own(host: Host) -> None:
    containers = [host.start("sleep", "60") for _ in range(2)]
    maps = [Path(f"/proc/{host.engine.state(c).pid}/uid_map").read_text().split() for c in containers]
    assert [(inside, count) for inside, _, count in maps] == [("0", "65536")] * 2
    first, second = sorted(int(outside) for _, outside, _ in maps)
    assert first >= 65536
    assert second - first >= 65536


def test_its_processes_are_not_roots_on_the_host(host: Host) -> None:
    pid = host.engine.state(host.start("sleep", "60")).pid
    assert os.stat(f"/proc/{pid}").st_uid >= 65536


def test_what_it_writes_belongs_on_the_disk_to_whom_it_sees(host: Host) -> None:
    container = host.create(
        "sh", "-c", "echo x > /root/mine; echo x > /theirs; chown 1000:1001 /theirs; chown 5 /etc/passwd"
    )
    host.engine.start(container)
    host.wait(container)
    assert host.output(container) == ""
    upper = host.home / "containers" / container / "upper"
    assert (owner(upper / "root/mine"), owner(upper / "theirs"), owner(upper / "etc/passwd")) == (
        (0, 0),
        (1000, 1001),
        (5, 0),
    )


def test_a_second_run_with_another_range_sees_the_same_owners(host: Host) -> None:
    container = host.create("sh", "-c", "touch /a; chown 7:8 /a; stat -c %u:%g /a /bin/busybox; cat /proc/self/uid_map")
    for _ in range(2):
        host.engine.start(container)
        host.wait(container)
    words = host.output(container).split()
    first, second = words[:5], words[5:]
    assert first[:2] == second[:2] == ["7:8", "0:0"]
    assert first[3] != second[3]


@pytest.mark.v2_smoke
def test_a_bind_mount_shows_and_keeps_the_owners_of_the_host(host: Host, tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    os.chown(tmp_path / "old", 1000, 1000)
    mounts = (Mount(MountType.BIND, "/data", source=str(tmp_path)),)
    _, output = host.finish("sh", "-c", "stat -c %u:%g /data /data/old; echo x > /data/new", mounts=mounts)
    assert output.split() == ["0:0", "1000:1000"]
    assert owner(tmp_path / "new") == (0, 0)


@pytest.mark.parametrize("user", ["0", "1000"])
def test_its_output_can_be_opened_again_by_name_whoever_it_is(host: Host, user: str) -> None:
    _, output = host.finish("sh", "-c", "echo again > /dev/stdout", user=user)
    assert output == "again\n"


@pytest.mark.parametrize("shared", [{"userns": "host"}, {"privileged": True}, {"network": NetworkMode.HOST}])
def test_the_hosts_ids_are_shared_where_asked_for_or_implied(host: Host, shared: dict[str, object]) -> None:
    _, output = host.finish("readlink", "/proc/self/ns/user", **shared)
    assert output.strip() == os.readlink("/proc/self/ns/user")


def test_its_oom_score_and_limits_are_set_as_by_root_of_the_host(host: Host) -> None:
    script = "cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn"
    _, output = host.finish("sh", "-c", script, oom_score_adj=300, rlimits={"nofile": Rlimit(50, 60)})
    assert output.split() == ["300", "50", "60"]


def test_a_file_system_whose_ids_cannot_be_shifted_is_told(host: Host, tmp_path: Path) -> None:
    containers = tmp_path / "containers"
    containers.mkdir()
    subprocess.run(["mount", "-t", "ramfs", "ramfs", str(containers)], check=True)
    try:
        assert "mount_setattr" in user_namespaces.why_not(containers, tmp_path)
        assert not list(containers.iterdir())
    finally:
        subprocess.run(["umount", str(containers)], check=True)
    assert user_namespaces.why_not(host.home / "containers", host.run) == ""


def test_a_source_whose_ids_cannot_be_shifted_is_told_and_mounted_as_it_is(host: Host, tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "ramfs", "ramfs", str(tmp_path)], check=True)
    try:
        (tmp_path / "file").write_text("seen\n")
        mounts = (Mount(MountType.BIND, "/data", source=str(tmp_path)),)
        container = host.start("sh", "-c", "cat /data/file; stat -c %u /data/file", mounts=mounts)
        host.wait(container)
        assert host.output(container).split() == ["seen", "65534"]
        (warning,) = host.engine.state(container).warnings
        assert warning.startswith(f"Files of {tmp_path} belong to nobody inside: mount_setattr")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_owners_are_seen_wherever_they_can_be_in_a_tree_of_many_file_systems(host: Host, tmp_path: Path) -> None:
    for name, how in (("no", ["-t", "ramfs", "none"]), ("y es", ["--bind", tmp_path])):
        (tmp_path / name).mkdir()
        subprocess.run(["mount", *how, tmp_path / name], check=True)
    try:
        mounts = (Mount(MountType.BIND, "/data", source=str(tmp_path)),)
        state, output = host.finish("stat", "-c", "%u", "/data", "/data/no", "/data/y es", mounts=mounts)
        assert (output.split(), state.warnings) == (["0", "65534", "0"], ())
    finally:
        for name in ("no", "y es"):
            subprocess.run(["umount", tmp_path / name], check=True)


def test_the_hosts_own_root_can_be_bound_and_written_to(host: Host, tmp_path: Path) -> None:
    script = f"stat -c %u /host{tmp_path}; touch /host{tmp_path}/made; ls /host/proc/self | grep -c ."
    mounts = (Mount(MountType.BIND, "/host", source="/"),)
    _, output = host.finish("sh", "-c", script, mounts=mounts)
    assert output.splitlines()[0] == "0"
    assert owner(tmp_path / "made") == (0, 0)


def test_files_of_ids_beyond_its_range_are_told_of(host: Host) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, uid in (("bin", 0), ("theirs", 70_000)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o755, uid, 0
            tar.addfile(entry)
        tar.add("/bin/busybox", "bin/busybox")
        link = tarfile.TarInfo("bin/sh")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        tar.addfile(link)
    archive.seek(0)
    host.engine.import_rootfs(archive, reference="large:ids")
    command = ("/bin/busybox", "stat", "-c", "%u", "/theirs")
    state, output = host.finish(*command, image="large:ids")
    assert any("70000" in warning for warning in state.warnings)
    assert output.strip() == "65534"
    state, output = host.finish(*command, image="large:ids", userns="host")
    assert not state.warnings
    assert output.strip() == "70000"


@pytest.mark.parametrize(("field", "value"), [("user", "70000"), ("user", "1:70000"), ("groups", ("70000",))])
def test_a_user_beyond_its_range_is_refused(host: Host, field: str, value: object) -> None:
    with pytest.raises(InvalidSpec) as refused:
        host.create("true", **{field: value})
    assert refused.value.field == field
    assert host.finish("true", **{field: value}, userns="host")[0].exit_code == 0
