"""Backups, clones and new names of volumes: whole or not at all, with everything that belongs to a file."""

import io
import os
import socket
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine import Cancelled, Conflict, Engine, InvalidArchive, Mount, MountType, NotFound, Quota, Step, VolumeSpec
from engine.images.limits import DiskSpace
from tests.services.host import Host
from tests.services.processes import wait_until


def volume(name: str, target: str = "/data", **how: object) -> Mount:
    return Mount(MountType.VOLUME, target, name, **how)  # type: ignore[arg-type]


@pytest.fixture
def volumes(host: Host) -> Iterator[Engine]:
    """The engine without a container, a volume or a backup, before and after."""
    yield host.engine
    for found in host.engine.states():
        host.engine.remove(found.id, force=True, with_volumes=True)
    for made in host.engine.volumes():
        host.engine.remove_volume(made.name)
    for backup in host.engine.volume_backups():
        host.engine.remove_volume_backup(backup.volume, backup.id)
    assert not [name for name in os.listdir(host.home / "volumes") if name.startswith(".")]
    assert not list((host.home / "backups").glob("*")) if (host.home / "backups").exists() else True


def fill(data: Path) -> None:
    """One of everything a file system knows."""
    os.chown(data, 7, 8)
    data.chmod(0o1750)
    (data / "folder").mkdir(mode=0o711)
    kept = data / "folder" / "kept"
    kept.write_bytes(os.urandom(1 << 16))
    os.chown(kept, 70000, 12)
    kept.chmod(0o4711)
    os.utime(kept, ns=(1_500_000_000_123_456_789, 1_500_000_000_123_456_789))
    os.setxattr(kept, "user.note", b"\0\1")
    os.setxattr(kept, "trusted.mark", b"t")
    os.setxattr(kept, "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
    os.link(kept, data / "same")
    (data / "link").symlink_to("/etc/passwd")
    os.mkfifo(data / "pipe")
    os.mknod(data / "disk", 0o640 | stat.S_IFBLK, os.makedev(7, 200))
    with open(data / "sparse", "wb") as file:
        file.seek(1 << 30)
        file.write(b"end")
    (data / os.fsdecode(b"odd \xff\n")).touch()
    with socket.socket(socket.AF_UNIX) as ear:
        ear.bind(str(data / "ear"))


def seen(data: Path) -> dict[str, object]:
    """All that is to be kept, by path; sockets are nobody's to keep."""
    found: dict[str, object] = {}
    for path in (data, *sorted(data.rglob("*"))):
        info = path.lstat()
        if stat.S_ISSOCK(info.st_mode):
            continue
        plain = stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)
        names = os.listxattr(path) if plain else []
        content = path.read_bytes() if stat.S_ISREG(info.st_mode) and info.st_size < 1 << 20 else b""
        times = info.st_mtime_ns if not stat.S_ISDIR(info.st_mode) or path != data else 0
        found[str(path.relative_to(data))] = (
            *(info.st_mode, info.st_uid, info.st_gid, info.st_rdev, times, content),
            info.st_size if stat.S_ISREG(info.st_mode) else 0,
            {name: os.getxattr(path, name) for name in names},
            os.readlink(path) if path.is_symlink() else "",
        )
    return found


def test_what_is_restored_is_what_was_there(volumes: Engine) -> None:
    data = Path(volumes.create_volume("stock", labels={"team": "blue"}).mountpoint)
    fill(data)
    told: list[Sequence[Step]] = []
    backup = volumes.back_up_volume("stock", progress=told.append)
    assert told[-1][0].status == "done"
    assert backup.stored_bytes < 1 << 20
    assert volumes.volume_backups("stock") == volumes.volume_backups() == [backup]
    volumes.remove_volume("stock")
    restored = volumes.restore_volume("stock", ("stock", backup.id))
    copied = Path(volumes.clone_volume("stock", "copy").mountpoint)
    assert restored.labels == {"team": "blue"}
    for place in (data, copied):
        assert os.path.samefile(place / "same", place / "folder" / "kept")
        assert (place / "sparse").stat().st_blocks < 1 << 12
    fill(original := Path(volumes.create_volume("again").mountpoint))
    expected, found = seen(original), seen(data)
    assert found.keys() == expected.keys() == seen(copied).keys()
    assert seen(copied) == found
    kept = found["folder/kept"]
    assert isinstance(kept, tuple)
    assert kept[:3] == (0o104711, 70000, 12)
    assert kept[4] == 1_500_000_000_123_456_789
    assert kept[7].keys() == {"user.note", "trusted.mark", "security.capability"}
    assert found["."][:3] == (0o041750, 7, 8)  # type: ignore[index]
    volumes.rename_volume("copy", "kept")
    volumes.remove_volume_backup("stock", backup.id)
    with pytest.raises(NotFound, match="There is no backup"):
        volumes.restore_volume("stock", ("stock", backup.id), replace=True)


@pytest.mark.v2
def test_a_frozen_backup_is_of_one_moment_and_everything_runs_on(host: Host, volumes: Engine) -> None:
    script = "i=0; while :; do i=$((i+1)); echo $i >/data/a; echo $i >/data/b; done"
    container = host.start("sh", "-c", script, mounts=(volume("stock"),))
    data = Path(volumes.volume("stock").mountpoint)
    wait_until((data / "b").exists, "both files are there")
    backup = volumes.back_up_volume("stock", freeze=True)
    before = int((data / "a").read_text() or 0)
    wait_until(lambda: int((data / "a").read_text() or 0) > before, "it runs on")
    assert backup.was_frozen
    restored = Path(volumes.restore_volume("then", ("stock", backup.id)).mountpoint)
    first, second = ((restored / name).read_text() for name in "ab")
    assert not first or not second or 0 <= int(first) - int(second) <= 1
    volumes.kill(container)


def test_what_fails_while_all_stands_still_lets_it_run_on(
    host: Host, volumes: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = host.start("sh", "-c", "while :; do echo x >>/data/log; done", mounts=(volume("stock"),))

    def full(space: DiskSpace, count: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DiskSpace, "use", full)
    with pytest.raises(Exception, match="is full"):
        volumes.back_up_volume("stock", freeze=True)
    log = Path(volumes.volume("stock").mountpoint) / "log"
    size = log.stat().st_size
    wait_until(lambda: log.stat().st_size > size, "it runs on")
    assert volumes.volume_backups() == []
    assert list((host.home / "backups" / "stock").iterdir()) == []
    (host.home / "backups" / "stock").rmdir()
    volumes.kill(container)


def test_a_backup_that_is_cancelled_leaves_nothing(host: Host, volumes: Engine) -> None:
    data = Path(volumes.create_volume("stock").mountpoint)
    (data / "file").write_bytes(bytes(1 << 20))
    with pytest.raises(Cancelled):
        volumes.back_up_volume("stock", is_cancelled=lambda: True)
    assert list((host.home / "backups" / "stock").iterdir()) == []
    volumes.create_volume("target")
    backup = volumes.back_up_volume("stock")
    with pytest.raises(Cancelled):
        volumes.restore_volume("target", ("stock", backup.id), replace=True, is_cancelled=lambda: True)
    assert os.listdir(volumes.volume("target").mountpoint) == []


def test_what_the_killed_left_is_removed_by_a_repair(host: Host, volumes: Engine) -> None:
    folder = host.home / "backups" / "stock"
    volumes.create_volume("stock")
    backup = volumes.back_up_volume("stock")
    (folder / "20260101T000000Z-aaaaaa.tar.zst.part").touch()
    (folder / "20260101T000000Z-aaaaaa.json").write_text("{}")
    (folder / "20260101T000000Z-bbbbbb.json").write_text("{}")
    volumes.repair()
    assert sorted(os.listdir(folder)) == [f"{backup.id}.json", f"{backup.id}.tar.zst"]


def test_a_volume_is_replaced_only_if_meant_and_while_its_containers_rest(host: Host, volumes: Engine) -> None:
    data = Path(volumes.create_volume("stock", VolumeSpec(size_bytes=16 << 20)).mountpoint)
    container = host.start("sh", "-c", "echo one >/data/file; exec sleep 99", mounts=(volume("stock"),))
    wait_until((data / "file").exists, "it is there")
    backup = volumes.back_up_volume("stock")
    with pytest.raises(Conflict, match="There is a volume stock already"):
        volumes.restore_volume("stock", ("stock", backup.id))
    with pytest.raises(Conflict, match=r"Container .* runs with volume stock"):
        volumes.restore_volume("stock", ("stock", backup.id), replace=True)
    volumes.kill(container)
    host.wait(container)
    host.finish("sh", "-c", "echo two >/data/file; touch /data/more", mounts=(volume("stock"),))
    volumes.reap()
    made = volumes.restore_volume("stock", ("stock", backup.id), replace=True)
    assert (made.quota, made.size_bytes, len(made.used_by)) == (Quota.LOOP, 16 << 20, 2)
    _, output = host.finish("sh", "-c", "ls /data; cat /data/file", mounts=(volume("stock"),))
    assert output == "file\none\n"


def test_an_archive_is_taken_as_it_comes_but_for_devices_and_ways_out(volumes: Engine) -> None:
    data = Path(volumes.create_volume("stock").mountpoint)
    fill(data)
    with volumes.volume_archive("stock") as stream:
        archive = b"".join(stream)
    with pytest.raises(InvalidArchive, match="block device 7:200 is not allowed"):
        volumes.restore_volume("other", io.BytesIO(archive))
    assert [found.name for found in volumes.volumes()] == ["stock"]
    (data / "disk").unlink()
    with volumes.volume_archive("stock") as stream:
        archive = b"".join(stream)
    for broken in (archive[: len(archive) // 2], archive[:-6000], b"nonsense" * 100, b""):
        with pytest.raises(InvalidArchive):
            volumes.restore_volume("other", io.BytesIO(broken))
    other = Path(volumes.restore_volume("other", io.BytesIO(archive)).mountpoint)
    assert seen(other) == seen(data)


def test_a_volume_that_is_being_read_is_not_removed_meanwhile(volumes: Engine) -> None:
    volumes.create_volume("stock")
    with volumes.volume_archive("stock"):
        with pytest.raises(Conflict, match="is being copied or looked at"):
            volumes.remove_volume("stock")
        assert volumes.prune_volumes(["stock"]).removed == ()
    volumes.remove_volume("stock")


def test_a_new_name_takes_the_backups_along_and_is_refused_while_somebody_uses_the_volume(
    host: Host, volumes: Engine
) -> None:
    made = volumes.create_volume()
    backup = volumes.back_up_volume(made.name)
    container = host.create("true", mounts=(volume(made.name),))
    with pytest.raises(Conflict, match="which know it by this name"):
        volumes.rename_volume(made.name, "stock")
    volumes.remove(container)
    volumes.create_volume("taken")
    with pytest.raises(Conflict, match="There is a volume taken already"):
        volumes.rename_volume(made.name, "taken")
    assert not volumes.rename_volume(made.name, "stock").is_anonymous
    assert [found.id for found in volumes.volume_backups("stock")] == [backup.id]
    assert volumes.volume_backups("stock")[0].volume == "stock"


def test_several_at_once_do_not_mind_each_other(host: Host, volumes: Engine) -> None:
    data = Path(volumes.create_volume("stock").mountpoint)
    (data / "file").write_bytes(os.urandom(1 << 20))
    container = host.start("sleep", "99", mounts=(volume("stock"),))
    work = [threading.Thread(target=volumes.back_up_volume, args=("stock",), kwargs={"freeze": True}) for _ in "123"]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join(20)
    assert len(volumes.volume_backups("stock")) == 3
    assert volumes.state(container).status == "running"
