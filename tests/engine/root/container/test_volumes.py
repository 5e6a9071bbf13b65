"""Volumes: made and filled with their container, counted as used while it is there, gone when they should be."""

import io
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from engine import Conflict, ContainerSpec, DamagedStore, Engine, InvalidSpec, Mount, MountType, NotFound, StorageFull
from engine.container import state
from engine.volumes import VolumeStore, filling
from tests.images import docker_archive
from tests.images.build import build
from tests.images.busybox import busybox_layer
from tests.images.layers import directory, file, hard_link, layer, symlink
from tests.services.host import Host


def volume(name: str, target: str, **how: object) -> Mount:
    return Mount(MountType.VOLUME, target, name, **how)  # type: ignore[arg-type]


@pytest.fixture(autouse=True, scope="module")
def image(host: Host) -> None:
    """`keeper:test` calls /var/lib/keeper a volume and has files there."""
    files = layer(
        directory("var"),
        directory("var/lib"),
        directory("var/lib/keeper", mode=0o750, owner=70),
        file("var/lib/keeper/conf", b"as shipped\n", mode=0o640, owner=70),
        hard_link("var/lib/keeper/same", "var/lib/keeper/conf"),
        directory("var/lib/keeper/sub", mode=0o1777),
        symlink("var/lib/keeper/out", "/etc/passwd"),
    )
    config = {"Cmd": ["true"], "Env": ["PATH=/bin"], "Volumes": {"/var/lib/keeper/": {}}}
    host.engine.load_image(io.BytesIO(docker_archive(build("keeper:test", [busybox_layer(), files], config=config))))


@pytest.fixture
def volumes(host: Host) -> Iterator[Engine]:
    """The engine without a container or a volume, before and after."""
    yield host.engine
    for found in host.engine.states():
        host.engine.remove(found.id, force=True, with_volumes=True)
    host.engine.prune_volumes([volume.name for volume in host.engine.volumes()])


@pytest.mark.v2
def test_what_one_container_writes_to_a_volume_the_next_one_reads(host: Host, volumes: Engine) -> None:
    host.finish("sh", "-c", "echo kept > /data/file", mounts=(volume("stock", "/data"),))
    _, output = host.finish("cat", "/else/file", mounts=(volume("stock", "/else", read_only=True),))
    assert output == "kept\n"
    found = volumes.volume("stock")
    assert (found.driver, found.is_anonymous, len(found.used_by)) == ("local", False, 2)
    assert Path(found.mountpoint, "file").read_text() == "kept\n"


def test_a_new_volume_holds_what_the_image_has_there_like_it_was(host: Host, volumes: Engine) -> None:
    host.create("true", image="keeper:test", mounts=(volume("stock", "/var/lib/keeper"),))
    data = Path(volumes.volume("stock").mountpoint)
    assert (data.stat().st_mode & 0o7777, data.stat().st_uid, data.stat().st_gid) == (0o750, 70, 70)
    conf = data / "conf"
    assert (conf.read_text(), conf.stat().st_mode & 0o777, conf.stat().st_uid) == ("as shipped\n", 0o640, 70)
    assert os.path.samefile(conf, data / "same")
    assert (data / "sub").stat().st_mode & 0o7777 == 0o1777
    assert os.readlink(data / "out") == "/etc/passwd"


def test_a_volume_that_holds_anything_is_left_as_it_is(host: Host, volumes: Engine) -> None:
    stock = volumes.create_volume("stock")
    Path(stock.mountpoint, "mine").touch()
    host.create("true", image="keeper:test", mounts=(volume("stock", "/var/lib/keeper"),))
    assert os.listdir(stock.mountpoint) == ["mine"]


def test_a_volume_that_is_not_to_be_filled_stays_empty(host: Host, volumes: Engine) -> None:
    host.create("true", image="keeper:test", mounts=(volume("stock", "/var/lib/keeper", no_copy=True),))
    assert os.listdir(volumes.volume("stock").mountpoint) == []


def test_a_volume_of_the_image_is_anonymous_and_goes_with_its_container_if_asked(host: Host, volumes: Engine) -> None:
    script = ("sh", "-c", "cat /var/lib/keeper/conf; echo x > /var/lib/keeper/new")
    container = host.start(*script, image="keeper:test")
    host.wait(container)
    assert host.output(container) == "as shipped\n"
    (made,) = volumes.volumes()
    assert (made.is_anonymous, len(made.name)) == (True, 64)
    assert Path(made.mountpoint, "new").exists()
    assert host.engine.inspect(container)["volumes"] == {"/var/lib/keeper": made.name}
    volumes.remove(container, with_volumes=True)
    assert volumes.volumes() == []


def test_a_volume_of_the_image_stays_if_not_asked_and_can_be_pruned(host: Host, volumes: Engine) -> None:
    volumes.create_volume("named")
    volumes.remove(host.create("true", image="keeper:test"))
    (left,) = volumes.unused_volumes()
    assert left.is_anonymous
    assert len(volumes.unused_volumes(with_named=True)) == 2
    pruned = volumes.prune_volumes([left.name, "gone-already"])
    assert pruned.removed == (left.name,)
    assert pruned.freed_bytes > 0
    assert [volume.name for volume in volumes.volumes()] == ["named"]


def test_what_is_mounted_in_the_place_of_an_images_volume_makes_it_needless(host: Host, volumes: Engine) -> None:
    host.create("true", image="keeper:test", mounts=(Mount(MountType.TMPFS, "/var/lib/keeper"),))
    assert volumes.volumes() == []


def test_an_anonymous_volume_that_another_container_uses_outlives_its_own(host: Host, volumes: Engine) -> None:
    first = host.create("true", mounts=(volume("", "/data"),))
    (made,) = volumes.volumes()
    second = host.create("true", mounts=(volume(made.name, "/data"),))
    volumes.remove(first, with_volumes=True)
    assert volumes.volume(made.name).used_by == (host.engine.state(second).name,)
    volumes.remove(second, with_volumes=True)
    assert [volume.name for volume in volumes.unused_volumes()] == [made.name]


def test_a_volume_in_use_is_not_removed_and_its_users_are_named(host: Host, volumes: Engine) -> None:
    container = host.create("true", mounts=(volume("stock", "/data"),), name="holder")
    with pytest.raises(Conflict, match="Volume stock is used by holder"):
        volumes.remove_volume("stock", force=True)
    assert volumes.prune_volumes(["stock"]).removed == ()
    volumes.remove(container, with_volumes=True)
    volumes.remove_volume("stock")
    with pytest.raises(NotFound):
        volumes.remove_volume("stock")
    volumes.remove_volume("stock", force=True)


def test_a_subpath_is_a_folder_of_the_volume_and_never_leads_out_of_it(host: Host, volumes: Engine) -> None:
    data = Path(volumes.create_volume("stock").mountpoint)
    (data / "sub").mkdir()
    (data / "sub" / "name").write_text("sub\n")
    _, output = host.finish("cat", "/data/name", mounts=(volume("stock", "/data", subpath="sub"),))
    assert output == "sub\n"
    (data / "link").symlink_to("/etc")
    with pytest.raises(Exception, match=r"openat2 on .*/link failed: No such file or directory"):
        host.start("true", mounts=(volume("stock", "/data", subpath="link"),))


def test_a_container_that_could_not_be_made_leaves_no_anonymous_volume(host: Host, volumes: Engine) -> None:
    with pytest.raises(InvalidSpec):
        host.create("true", image="keeper:test", user="nobody-there")
    assert volumes.volumes() == []


def test_repair_removes_volumes_whose_container_never_came_to_be_and_finishes_a_filling(
    host: Host, volumes: Engine, tmp_path: Path
) -> None:
    store = host.home / "volumes"
    begun = Path(volumes.create_volume("begun").mountpoint).parent
    copied = Path(volumes.create_volume("copied").mountpoint).parent
    (begun / "staging").mkdir()
    (begun / "staging" / "half").touch()
    (copied / "staged").mkdir(mode=0o711)
    (copied / "staged" / "whole").touch()
    (store / ".new-0").mkdir()
    container = host.create("true", mounts=(volume("", "/data"),))
    kept = volumes.inspect(container)["volumes"]["/data"]
    orphan = host.create("true", mounts=(volume("", "/data"),))
    lost = volumes.inspect(orphan)["volumes"]["/data"]
    (host.home / "containers" / orphan).rename(host.home / "containers" / f"{orphan}.new")  # killed just before
    volumes.repair()
    assert sorted(os.listdir(store)) == sorted(["lock", "begun", "copied", kept])
    assert lost not in os.listdir(store)
    assert (os.listdir(begun / "_data"), os.listdir(copied / "_data")) == ([], ["whole"])
    assert (copied / "_data").stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize("with_volumes", [True, False])
def test_a_removal_cut_short_is_finished_as_it_was_decided(host: Host, volumes: Engine, with_volumes: bool) -> None:
    container = host.create("true", mounts=(volume("", "/data"),))
    folder = host.home / "containers" / container
    record = replace(state.load_record(folder), drops_volumes=with_volumes)
    state.advance(folder, record, intent=state.Intent.REMOVE)  # and killed right then
    volumes.repair()
    assert volumes.states() == []
    assert len(volumes.unused_volumes()) == (0 if with_volumes else 1)
    volumes.repair()
    assert len(volumes.unused_volumes()) == (0 if with_volumes else 1)


def test_a_filling_cut_short_between_two_files_is_finished_by_the_next_one(volumes: Engine, tmp_path: Path) -> None:
    stock = Path(volumes.create_volume("stock").mountpoint).parent
    (stock / "staged").mkdir()
    (stock / "staged" / "second").touch()
    (stock / "_data" / "first").touch()
    source = os.open(tmp_path, os.O_RDONLY)
    filling.fill(stock, source)
    os.close(source)
    assert sorted(os.listdir(stock / "_data")) == ["first", "second"]


def test_a_damaged_volume_and_a_folder_that_is_none_are_left_alone(host: Host, volumes: Engine) -> None:
    broken = Path(volumes.create_volume("broken").mountpoint).parent
    volumes.create_volume("whole")
    (broken / "volume.json").write_text("{")
    (host.home / "volumes" / "by-hand").mkdir()
    volumes.repair()
    assert [volume.name for volume in volumes.volumes()] == ["whole"]
    with pytest.raises(DamagedStore, match=r"volume\.json cannot be read"):
        volumes.volume("broken")
    assert (broken / "_data").is_dir()
    (host.home / "volumes" / "by-hand").rmdir()
    volumes.remove_volume("broken")


def test_a_full_disk_is_told_and_leaves_the_new_volume_empty(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "large").write_bytes(bytes(2 << 20))
    (tmp_path / "disk").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path / "disk"], check=True)
    try:
        store = VolumeStore(tmp_path / "disk" / "volumes")
        store.create("stock")
        source = os.open(tmp_path / "source", os.O_RDONLY)
        with pytest.raises(StorageFull, match="The volume stock cannot be filled"):
            store.fill("stock", source)
        os.close(source)
        assert sorted(os.listdir(tmp_path / "disk" / "volumes" / "stock")) == ["_data", "lock", "volume.json"]
        assert os.listdir(store.data("stock")) == []
    finally:
        subprocess.run(["umount", tmp_path / "disk"], check=True)


def test_a_volumes_labels_and_name_are_its_own(volumes: Engine) -> None:
    made = volumes.create_volume("stock", labels={"team": "quay"})
    assert volumes.create_volume("stock", labels={"team": "other"}) == made
    assert made.labels == {"team": "quay"}
    for name in ("", "..", ".hidden", "a/b", "x"):
        with pytest.raises(NotFound):
            volumes.volume(name)
    with pytest.raises(InvalidSpec, match="'a/b' is not a volume's name"):
        volumes.create_volume("a/b")


def test_a_creation_killed_at_any_moment_leaves_nothing_and_the_next_one_is_whole(host: Host, volumes: Engine) -> None:
    many = layer(directory("data"), *(file(f"data/{n:03}", b"%d" % n) for n in range(100)))
    built = build("many:test", [busybox_layer(), many], config={"Env": ["PATH=/bin"], "Volumes": {"/data": {}}})
    host.engine.load_image(io.BytesIO(docker_archive(built)))
    mounts = (volume("stock", "/data"), volume("", "/other"))
    volumes.create_volume("stock")
    for delay_ms in (3, 9, 15, 22, 35):
        container_id = secrets.token_hex(32)
        if (pid := os.fork()) == 0:
            with suppress(BaseException):
                volumes.create(container_id, ContainerSpec("killed", "many:test", command=("true",), mounts=mounts))
            os._exit(0)
        time.sleep(delay_ms / 1000)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        volumes.repair()
        names = {entry for entry in os.listdir(host.home / "volumes") if entry not in ("lock", "stock")}
        made = container_id in {found.id for found in volumes.states()}
        assert names == ({volumes.inspect(container_id)["volumes"]["/other"]} if made else set())
        if (data := host.home / "volumes" / "stock" / "_data").exists():
            assert len(os.listdir(data)) in (0, 100)
            assert (
                {"_data", "volume.json"} <= set(os.listdir(data.parent)) <= {"_data", "lock", "mounted", "volume.json"}
            )
        host.create("true", image="many:test", mounts=mounts)
        assert (data / "099").read_text() == "99"
        for left in volumes.states():
            volumes.remove(left.id, with_volumes=True)
        volumes.remove_volume("stock")
