"""Volumes that are more than a folder: other file systems, a size, an owner; mounted while somebody runs with them."""

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Conflict, Engine, InvalidSpec, Mount, MountType, NotFound, Quota, Unsupported, VolumeSpec
from tests.images import busybox, docker_archive
from tests.services.disks import mounted
from tests.services.host import Host, running_host

TMPFS = {"type": "tmpfs", "device": "tmpfs", "o": "size=2m,uid=7,mode=777"}


def volume(name: str, target: str = "/data", **how: object) -> Mount:
    return Mount(MountType.VOLUME, target, name, **how)  # type: ignore[arg-type]


def is_mounted(host: Host, name: str) -> bool:
    return f" {host.home}/volumes/{name}/_data " in Path("/proc/self/mountinfo").read_text()


def may_resize() -> bool:
    """Whether this process has CAP_SYS_RESOURCE, without which ext4 lets nobody grow it."""
    (told,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    return bool(int(told.split()[1], 16) & 1 << 24)


@pytest.fixture
def volumes(host: Host) -> Iterator[Engine]:
    """The engine without a container or a volume, before and after."""
    yield host.engine
    for found in host.engine.states():
        host.engine.remove(found.id, force=True, with_volumes=True)
    for made in host.engine.volumes():
        host.engine.remove_volume(made.name)
    assert f"{host.home}/volumes" not in Path("/proc/self/mountinfo").read_text()


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of the host with a file of user 0 in it."""
    (tmp_path / "shelf").mkdir(mode=0o755)
    (tmp_path / "shelf" / "book").write_text("of the host\n")
    return tmp_path / "shelf"


@pytest.mark.v2
def test_a_tmpfs_is_shared_by_those_who_run_and_goes_with_the_last(host: Host, volumes: Engine) -> None:
    volumes.create_volume("fast", VolumeSpec(options=TMPFS))
    assert not is_mounted(host, "fast")
    first = host.start("sh", "-c", "stat -c %u:%a /data; echo x >/data/x; exec sleep 99", mounts=(volume("fast"),))
    owner = 65534 if host.engine.state(first).warnings else 7  # where this kernel shifts no ids of a tmpfs
    host.wait_for_output(first, f"{owner}:777")
    _, output = host.finish("sh", "-c", "cat /data/x; df -m /data | tail -1", mounts=(volume("fast"),))
    assert output.split()[0] == "x"
    assert "tmpfs" in output
    assert volumes.volume("fast").used_bytes == 4096
    volumes.reap()
    assert is_mounted(host, "fast")
    volumes.stop(first, timeout_s=0)
    assert not is_mounted(host, "fast")
    volumes.start(first)
    assert is_mounted(host, "fast")


@pytest.mark.v2
def test_a_bound_folder_is_seen_with_its_owners_and_never_removed(host: Host, volumes: Engine, shelf: Path) -> None:
    volumes.create_volume("shelf", VolumeSpec(options={"type": "none", "o": "bind", "device": str(shelf)}))
    state, output = host.finish("sh", "-c", "stat -c %u /data/book; echo new > /data/new", mounts=(volume("shelf"),))
    assert (state.exit_code, output, state.warnings) == (0, "0\n", ())
    assert (shelf / "new").stat().st_uid == 0
    volumes.repair()
    assert not is_mounted(host, "shelf")
    with pytest.raises(Conflict, match="is used by"):
        volumes.remove_volume("shelf")
    volumes.remove(state.id)
    volumes.remove_volume("shelf")
    assert sorted(os.listdir(shelf)) == ["book", "new"]


def test_what_is_bound_read_only_cannot_be_written(host: Host, volumes: Engine, shelf: Path) -> None:
    options = {"o": "bind,ro", "device": str(shelf)}
    volumes.create_volume("shelf", VolumeSpec(options=options))
    _, output = host.finish("sh", "-c", "echo x >/data/x 2>&1; cat /data/*", mounts=(volume("shelf", no_copy=True),))
    assert "Read-only file system" in output
    assert "of the host" in output


def test_a_folder_that_is_gone_is_told_at_the_creation_of_the_container(host: Host, volumes: Engine) -> None:
    volumes.create_volume("shelf", VolumeSpec(options={"o": "bind", "device": "/not/there"}))
    with pytest.raises(InvalidSpec, match=r"options.device: /not/there, which volume shelf is to show"):
        host.create("true", mounts=(volume("shelf"),))
    assert volumes.states() == []


def test_options_of_a_mount_make_the_volume_and_others_than_it_has_are_refused(host: Host, volumes: Engine) -> None:
    host.create("true", mounts=(volume("fast", volume_options=TMPFS),))
    assert volumes.volume("fast").options == TMPFS
    host.create("true", mounts=(volume("fast"),))
    with pytest.raises(Conflict, match="exists already, with other options"):
        host.create("true", mounts=(volume("fast", volume_options={"type": "tmpfs", "o": "size=3m"}),))


def test_a_file_system_the_kernel_lacks_is_told(host: Host, volumes: Engine) -> None:
    if "\tnfs\n" in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has nfs")
    volumes.create_volume("far", VolumeSpec(options={"type": "nfs", "o": "addr=127.0.0.1", "device": ":/x"}))
    with pytest.raises(Unsupported, match="This kernel has no file system nfs"):
        host.create("true", mounts=(volume("far"),))


@pytest.mark.v2
def test_a_size_without_project_quotas_is_kept_by_a_file_of_that_size(host: Host, volumes: Engine) -> None:
    made = volumes.create_volume("small", VolumeSpec(size_bytes=16 << 20, uid=70, mode=0o1770))
    assert (made.quota, made.size_bytes) == (Quota.LOOP, 16 << 20)
    script = "stat -c %u:%a /data; ls -A /data; dd if=/dev/zero of=/data/big bs=1M count=20 2>&1; exec sleep 1000"
    container = host.start("sh", "-c", script, mounts=(volume("small"),))
    host.wait_for_output(container, "No space left on device")
    assert host.output(container).startswith("70:1770\ndd:")
    assert (volumes.volume("small").used_bytes or 0) > 8 << 20
    with pytest.raises(Conflict, match="cannot shrink"):
        volumes.resize_volume("small", 8 << 20)


@pytest.mark.v2
def test_a_file_with_a_file_system_grows_while_it_is_used(host: Host, volumes: Engine) -> None:
    if not may_resize():
        pytest.skip("CAP_SYS_RESOURCE")
    volumes.create_volume("small", VolumeSpec(size_bytes=16 << 20))
    host.start("sleep", "99", mounts=(volume("small"),))
    volumes.resize_volume("small", 64 << 20)
    fill = "dd if=/dev/zero of=/data/big bs=1M count=40 2>&1"
    state, output = host.finish("sh", "-c", fill, mounts=(volume("small"),))
    assert state.exit_code == 0, output
    assert volumes.volume("small").size_bytes == 64 << 20


@pytest.mark.v2
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_size_with_project_quotas_is_kept_by_one_and_changed_at_once(kind: str, tmp_path: Path) -> None:
    mkfs = {"ext4": ["-q", "-F", "-O", "quota,project", "-E", "quotatype=prjquota"], "xfs": ["-q", "-f"]}[kind]
    with mounted(tmp_path, kind, *mkfs, options="loop,prjquota") as at, running_host(str(at)) as host:
        host.engine.load_image(io.BytesIO(docker_archive(busybox("busybox:test"))))
        made = host.engine.create_volume("small", VolumeSpec(options={"size": "8M"}))
        assert (made.quota, made.size_bytes) == (Quota.PROJECT, 8 << 20)
        fill = "dd if=/dev/zero of=/etc/big bs=1M count=6 && dd if=/dev/zero of=/etc/more bs=1M count=6"
        state, _ = host.finish("sh", "-c", fill, mounts=(volume("small", "/etc"),))
        assert state.exit_code == 1
        assert (host.engine.volume("small").used_bytes or 0) >= 6 << 20
        with pytest.raises(Conflict, match="holds"):
            host.engine.resize_volume("small", 2 << 20)
        host.engine.resize_volume("small", 32 << 20)
        state, output = host.finish("sh", "-c", fill, mounts=(volume("small", "/etc"),))
        assert state.exit_code == 0, output


def test_an_owner_and_a_mode_are_those_of_the_topmost_folder(volumes: Engine) -> None:
    made = volumes.create_volume("mine", VolumeSpec(uid=70, gid=71, mode=0o2750))
    told = os.stat(made.mountpoint)
    assert (told.st_uid, told.st_gid, told.st_mode & 0o7777) == (70, 71, 0o2750)


def test_what_was_left_mounted_is_taken_away_by_a_repair(host: Host, volumes: Engine) -> None:
    made = volumes.create_volume("fast", VolumeSpec(options=TMPFS))
    subprocess.run(["mount", "-t", "tmpfs", "left", made.mountpoint], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "twice", made.mountpoint], check=True)
    volumes.repair()
    assert not is_mounted(host, "fast")


def test_a_volume_a_program_of_the_host_works_in_is_not_removed(host: Host, volumes: Engine, shelf: Path) -> None:
    made = volumes.create_volume("shelf", VolumeSpec(options={"o": "bind", "device": str(shelf)}))
    subprocess.run(["mount", "--bind", shelf, made.mountpoint], check=True)
    fd = os.open(made.mountpoint, os.O_RDONLY)
    try:
        with pytest.raises(Conflict, match="a program of the host works in it"):
            volumes.remove_volume("shelf")
    finally:
        os.close(fd)
    volumes.remove_volume("shelf")
    with pytest.raises(NotFound):
        volumes.volume("shelf")
    assert (shelf / "book").exists()


def test_what_only_the_tree_tells_is_measured_when_asked_and_remembered(volumes: Engine) -> None:
    made = volumes.create_volume("plain")
    assert (made.used_bytes, made.measured_at) == (None, "")
    Path(made.mountpoint, "file").write_bytes(bytes(1 << 20))
    assert volumes.measure_volumes(older_than_s=60) == ["plain"]
    assert (volumes.volume("plain").used_bytes or 0) >= 1 << 20
    assert volumes.measure_volumes(older_than_s=60) == []
