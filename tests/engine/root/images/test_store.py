"""The store loads real archives, names them, shares layers, and gives everything back when images go."""

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import Conflict, InvalidArchive, InvalidSpec, NotFound
from engine.images import Image, ImageStore
from engine.images.staging import Staging
from tests import images
from tests.images.build import HOST_ARCHITECTURE

Load = Callable[[bytes], list[Image]]
Listing = Callable[[], set[str]]

ARCHIVES: dict[str, Callable[[images.Built], bytes]] = {
    "docker": images.docker_archive,
    "docker in gzip": lambda image: images.docker_archive(image, outer="gzip"),
    "docker in zstd": lambda image: images.docker_archive(image, outer="zstd"),
    "docker with gzip layers": lambda image: images.docker_archive(image, compression="gzip"),
    "docker since version 25": images.modern_docker_archive,
    "OCI plain": lambda image: images.oci_archive(image, compression=""),
    "OCI gzip": lambda image: images.oci_archive(image, compression="gzip"),
    "OCI zstd": lambda image: images.oci_archive(image, compression="zstd"),
    "OCI nested": lambda image: images.oci_archive(image, is_nested=True),
    "OCI zstd in gzip": lambda image: images.oci_archive(image, compression="zstd", outer="gzip"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_every_kind_of_archive_becomes_the_same_image(store: ImageStore, load: Load, kind: str) -> None:
    built = images.busybox("busybox:test", command=["sh", "-c", "true"])
    (loaded,) = load(ARCHIVES[kind](built))
    assert loaded.id == built.id
    assert loaded.references == ("docker.io/library/busybox:test",)
    assert loaded.command == ("sh", "-c", "true")
    assert [layer.diff_id for layer in loaded.layers] == built.diff_ids
    assert store.list() == [loaded]
    (layer,) = store.layer_paths(loaded)
    assert (layer / "bin/busybox").read_bytes() == Path("/bin/busybox").read_bytes()
    assert (layer / "bin/sh").stat().st_ino == (layer / "bin/busybox").stat().st_ino


def test_an_archive_can_come_through_a_pipe(store: ImageStore) -> None:
    archive = images.docker_archive(images.busybox())
    read_end, write_end = os.pipe()

    def write() -> None:
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(archive)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(read_end, "rb") as pipe:
        (image,) = store.load(pipe)
    writer.join()
    assert image.id == images.busybox().id


def test_an_image_tells_what_its_configuration_says(load: Load) -> None:
    config = {
        "User": "nobody",
        "Env": ["A=1"],
        "Entrypoint": ["/bin/sh", "-c"],
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "WorkingDir": "/srv",
        "Labels": {"team": "a"},
        "StopSignal": "SIGINT",
    }
    (image,) = load(images.docker_archive(images.build("x:1", [images.busybox_layer()], config=config)))
    told = image.to_json()
    assert told["user"] == "nobody"
    assert told["env"] == ["A=1"]
    assert told["entrypoint"] == ["/bin/sh", "-c"]
    assert told["command"] is None
    assert told["exposed_ports"] == ["80/tcp"]
    assert told["volumes"] == ["/data"]
    assert told["working_dir"] == "/srv"
    assert told["labels"] == {"team": "a"}
    assert told["stop_signal"] == "SIGINT"
    assert told["created_at"] == "2026-01-02T03:04:05.000000Z"
    assert told["history"][0]["created_by"] == "layer 0"
    assert told["size_bytes"] > Path("/bin/busybox").stat().st_size


def test_images_are_found_by_every_form_of_their_name(store: ImageStore, load: Load) -> None:
    (image,) = load(images.oci_archive(images.busybox("registry.example.org/team/app:1")))
    repository = "registry.example.org/team/app"
    for name in (f"{repository}:1", image.id, image.id[7:], image.id[7:19], image.id[:19]):
        assert store.get(name) == image
    assert store.get(f"{repository}@{image.manifest_digest}") == image
    for name in ("busybox", f"{repository}:2", "0" * 64, f"other/app@{image.manifest_digest}"):
        with pytest.raises(NotFound, match="no image"):
            store.get(name)


def test_a_beginning_that_two_ids_share_is_a_conflict(store: ImageStore, load: Load) -> None:
    ids: dict[str, str] = {}
    while True:  # seventeen images share a first digit for certain
        built = images.busybox(f"n:{len(ids)}", command=[str(len(ids))])
        load(images.docker_archive(built))
        if (first := built.id[7]) in ids:
            break
        ids[first] = built.id
    with pytest.raises(Conflict, match="2 images"):
        store.get(first)


def test_a_layer_that_is_there_is_shared_and_not_unpacked_again(store: ImageStore, load: Load, tmp_path: Path) -> None:
    (first,) = load(images.docker_archive(images.busybox("a:1", command=["a"])))
    inode = (store.layer_paths(first)[0] / "bin/busybox").stat().st_ino
    (second,) = load(images.oci_archive(images.busybox("b:1", command=["b"]), compression="zstd"))
    assert store.layer_paths(first) == store.layer_paths(second)
    assert (store.layer_paths(second)[0] / "bin/busybox").stat().st_ino == inode
    assert len(list((tmp_path / "images/layers").iterdir())) == 1


def test_loading_twice_changes_nothing(store: ImageStore, load: Load, listing: Listing) -> None:
    archive = images.docker_archive(images.layered(), images.busybox())
    first = load(archive)
    before = listing()
    assert load(archive) == first
    assert listing() == before


def test_a_name_moves_to_the_image_loaded_last(store: ImageStore, load: Load) -> None:
    (old,) = load(images.docker_archive(images.busybox("app:1", command=["old"])))
    (new,) = load(images.docker_archive(images.busybox("app:1", command=["new"])))
    assert store.get("app:1") == new
    assert store.get(old.id).references == ()
    assert {image.id for image in store.list()} == {old.id, new.id}


def test_an_image_can_have_more_names_and_lose_them_one_by_one(store: ImageStore, load: Load) -> None:
    (image,) = load(images.docker_archive(images.busybox("app:1")))
    tagged = store.tag("app:1", "registry.example.org/app:stable")
    assert tagged.references == ("docker.io/library/app:1", "registry.example.org/app:stable")
    removed = store.remove("app:1", users=lambda: {image.id: ["web"]})
    assert (removed.untagged, removed.deleted) == (("docker.io/library/app:1",), ())
    assert store.get(image.id).references == ("registry.example.org/app:stable",)


def test_removing_the_last_name_gives_the_disk_back(store: ImageStore, load: Load, listing: Listing) -> None:
    (kept,) = load(images.docker_archive(images.busybox("kept:1")))
    before = listing()
    load(images.docker_archive(images.layered("gone:1")))
    removed = store.remove("gone:1", users=dict)
    assert removed.untagged == ("docker.io/library/gone:1",)
    assert removed.freed_bytes > 0
    assert listing() == before
    assert store.list() == [kept]
    store.remove(kept.id, users=dict)
    assert not [path for path in listing() if path.startswith(("images/blobs/sha256/", "images/layers/"))]


def test_an_image_in_use_is_kept_and_its_containers_are_named(store: ImageStore, load: Load) -> None:
    (image,) = load(images.docker_archive(images.busybox("app:1")))
    with pytest.raises(Conflict, match="used by db, web"):
        store.remove("app:1", users=lambda: {image.id: ["web", "db"]})
    removed = store.remove("app:1", users=lambda: {image.id: ["web"]}, force=True)
    assert (removed.untagged, removed.deleted) == (("docker.io/library/app:1",), ())
    assert store.layer_paths(store.get(image.id))[0].exists()
    assert store.remove(image.id, users=dict).deleted == (image.id,)


def test_an_id_with_several_names_is_removed_only_by_force(store: ImageStore, load: Load) -> None:
    (image,) = load(images.docker_archive(images.busybox("app:1")))
    store.tag("app:1", "app:2")
    with pytest.raises(Conflict, match="several names"):
        store.remove(image.id, users=dict)
    assert store.remove(image.id, users=dict, force=True).deleted == (image.id,)
    assert store.list() == []


def test_a_root_filesystem_becomes_an_image_of_one_layer(store: ImageStore) -> None:
    tarball = images.compress(images.busybox_layer(), "gzip")
    image = store.import_rootfs(io.BytesIO(tarball), reference="my/root")
    assert image.references == ("docker.io/my/root:latest",)
    assert image.command is None
    assert (store.layer_paths(image)[0] / "etc/passwd").exists()
    assert store.get("my/root") == image
    with pytest.raises(InvalidSpec, match="reference"):
        store.import_rootfs(io.BytesIO(tarball), reference="My Root")


def test_names_in_an_oci_archive_are_read_wherever_tools_put_them(load: Load) -> None:
    (bare_tag,) = load(images.oci_archive(images.busybox("latest")))
    assert bare_tag.references == ()
    (named,) = load(images.oci_archive(images.busybox("app:7", command=["x"])))
    assert named.references == ("docker.io/library/app:7",)


def test_of_several_platforms_the_one_of_this_host_is_loaded(load: Load) -> None:
    layers = [images.busybox_layer()]
    own, other = images.build("x", layers), images.build("x", layers, architecture="sparc64")
    platforms = {"sparc64": other, HOST_ARCHITECTURE: own}
    (image,) = load(images.multi_platform_archive("docker.io/library/x:1", platforms))
    assert (image.id, image.references) == (own.id, ("docker.io/library/x:1",))
    (image,) = load(images.multi_platform_archive("docker.io/library/x:2", platforms, absent=["sparc64"]))
    assert image.id == own.id
    with pytest.raises(InvalidArchive, match="made for 'linux/sparc64', this host is"):
        load(images.multi_platform_archive("docker.io/library/x:3", platforms, absent=[HOST_ARCHITECTURE]))


def test_a_store_can_be_read_while_images_come_and_go(store: ImageStore, tmp_path: Path) -> None:
    archive = images.docker_archive(images.busybox("come:1", command=["come"]))
    store.load(io.BytesIO(images.docker_archive(images.busybox("stay:1"))))
    is_over = threading.Event()
    errors: list[BaseException] = []

    def read() -> None:
        try:
            while not is_over.is_set():
                assert ImageStore(tmp_path).get("stay:1").command == ("sh",)
        except BaseException as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(10):
        store.load(io.BytesIO(archive))
        store.remove("come:1", users=dict)
    is_over.set()
    reader.join()
    assert errors == []


def test_loads_and_removals_at_once_never_lose_a_layer(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        store = ImageStore(tmp_path)
        archive = images.docker_archive(images.busybox(f"n:{number}", command=[str(number)]))
        try:
            for _ in range(5):
                (image,) = store.load(io.BytesIO(archive))
                assert (store.layer_paths(image)[0] / "bin/busybox").exists()
                store.remove(f"n:{number}", users=dict)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert ImageStore(tmp_path).list() == []


def test_a_layer_costs_the_same_however_many_are_below_it(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    original = Staging.layer

    def layer(staging: Staging, chain_id: str) -> Path:
        asked.append(chain_id)
        return original(staging, chain_id)

    monkeypatch.setattr(Staging, "layer", layer)
    load(images.docker_archive(images.build("many:1", [images.layer(images.file("a", b"%d" % n)) for n in range(50)])))
    assert len(asked) <= 50
