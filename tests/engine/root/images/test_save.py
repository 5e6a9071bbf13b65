"""Archives go out as they came in: for us, for Docker of any version, and for tools that know only OCI."""

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import DamagedStore, InvalidSpec, NotFound
from engine.images import Image, ImageStore
from engine.spec.image import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, OCI_LAYER
from tests import images
from tests.services.dockerd import docker_daemon
from tests.services.faulty_registry import FaultyRegistry

Load = Callable[[bytes], list[Image]]
Listing = Callable[[], set[str]]
FORMATS = ("docker", "oci")


def saved(store: ImageStore, *names: str, form: str = "docker") -> bytes:
    with store.save(names, form=form) as stream:
        return b"".join(stream)


def members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("compression", ["", "gzip", "zstd"])
def test_what_was_saved_loads_as_the_same_images(
    store: ImageStore, load: Load, tmp_path: Path, form: str, compression: images.Compression
) -> None:
    built = images.layered("registry.example.org:5000/team/layered:1"), images.busybox()
    load(images.oci_archive(*built, compression=compression))
    archive = saved(store, "registry.example.org:5000/team/layered:1", "busybox:test", form=form)
    loaded = ImageStore(tmp_path / "other").load(io.BytesIO(archive))
    assert [image.id for image in loaded] == [image.id for image in built]
    assert [image.references for image in loaded] == [
        ("registry.example.org:5000/team/layered:1",),
        ("docker.io/library/busybox:test",),
    ]
    if form == "oci":
        assert [image.manifest_digest for image in loaded] == [store.get(image.id).manifest_digest for image in built]


@pytest.mark.parametrize("form", FORMATS)
def test_a_layer_of_several_images_is_in_the_archive_once_and_the_same_images_give_the_same_bytes(
    store: ImageStore, load: Load, form: str
) -> None:
    load(images.oci_archive(images.busybox("a:1", command=["a"]), images.busybox("b:1", command=["b"])))
    archive = saved(store, "a:1", "b:1", form=form)
    assert len(archive) < 1.5 * len(saved(store, "a:1", form=form))
    assert archive == saved(store, "a:1", "b:1", form=form)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = tar.getnames()
        assert {member.mtime for member in tar} == {0}
    assert len(names) == len(set(names))


def test_an_image_carries_the_names_it_is_saved_by(store: ImageStore, load: Load) -> None:
    (image,) = load(images.docker_archive(images.busybox("app:1")))
    store.tag("app:1", "registry.example.org/app:stable")
    for names, told in {
        ("app:1",): ["app:1"],
        ("app:1", image.id, "docker.io/library/app:1"): ["app:1"],
        ("registry.example.org/app:stable", "app:1"): ["registry.example.org/app:stable", "app:1"],
        (image.id[7:19],): None,
    }.items():
        (item,) = json.loads(members(saved(store, *names))["manifest.json"])
        assert item["RepoTags"] == told
    index = json.loads(members(saved(store, "registry.example.org/app:stable", form="oci"))["index.json"])
    (descriptor,) = index["manifests"]
    assert descriptor["annotations"]["org.opencontainers.image.ref.name"] == "registry.example.org/app:stable"


def test_a_size_that_nobody_wrote_down_is_counted_once_and_kept(store: ImageStore, load: Load, tmp_path: Path) -> None:
    (image,) = load(images.oci_archive(images.busybox(), compression="gzip"))
    archive = saved(store, image.id)
    told = tmp_path / "images/layers" / image.layers[0].chain_id[7:] / "plain-size"
    assert int(told.read_text()) == len(images.busybox_layer())
    told.unlink()
    assert saved(store, image.id) == archive
    assert int(told.read_text()) == len(images.busybox_layer())


def test_an_image_removed_while_it_is_saved_is_saved_all_the_same(
    store: ImageStore, load: Load, listing: Listing
) -> None:
    load(images.docker_archive(images.busybox("app:1")))
    whole = saved(store, "app:1")
    before = listing()
    with store.save(["app:1"], form="docker") as stream:
        first = next(stream)
        store.remove("app:1", users=dict)
        assert first + b"".join(stream) == whole
    store.repair()
    assert not [path for path in listing() & before if "/blobs/sha256/" in path or "/layers/" in path]


def test_a_stream_that_nobody_reads_leaves_nothing_behind(store: ImageStore, load: Load, listing: Listing) -> None:
    load(images.docker_archive(images.busybox("app:1")))
    before = listing()
    with store.save(["app:1"], form="oci"):
        assert listing() != before
    store.save(["app:1"], form="oci").close()
    assert listing() == before


def test_what_cannot_be_saved_is_told_before_anything_is(
    store: ImageStore, load: Load, listing: Listing, tmp_path: Path
) -> None:
    (image,) = load(images.docker_archive(images.busybox("app:1")))
    before = listing()
    with pytest.raises(NotFound, match="no image other"):
        store.save(["app:1", "other:1"], form="docker")
    with pytest.raises(InvalidSpec, match="'zip' is not one of docker, oci"):
        store.save(["app:1"], form="zip")
    with pytest.raises(InvalidSpec, match="names: must name"):
        store.save([], form="oci")
    assert listing() == before
    blob = tmp_path / "images/blobs/sha256" / image.layers[0].diff_id[7:]
    blob.write_bytes(blob.read_bytes()[:-512])
    with pytest.raises(DamagedStore, match="not as long as it was"):
        saved(store, "app:1")


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
@pytest.mark.parametrize(("form", "transport"), [("docker", "docker-archive"), ("oci", "oci-archive")])
def test_skopeo_reads_what_was_saved(store: ImageStore, load: Load, tmp_path: Path, form: str, transport: str) -> None:
    built = images.layered("registry.example.org/layered:1")
    load(images.oci_archive(built, compression="gzip"))
    archive = tmp_path / "saved.tar"
    archive.write_bytes(saved(store, "registry.example.org/layered:1", form=form))
    source = f"{transport}:{archive}:registry.example.org/layered:1"
    told = json.loads(skopeo("inspect", "--config", source))
    assert told["rootfs"]["diff_ids"] == built.diff_ids
    skopeo("copy", "--insecure-policy", source, f"{transport}:{tmp_path}/copied.tar:registry.example.org/layered:1")
    (again,) = ImageStore(tmp_path / "other").load(io.BytesIO((tmp_path / "copied.tar").read_bytes()))
    assert again.id == built.id


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_skopeo_reads_an_image_of_a_docker_registry_that_was_saved_for_oci(store: ImageStore, tmp_path: Path) -> None:
    built = images.layered()
    with FaultyRegistry().running() as registry:
        reference = registry.put(built)
        path = "/v2/app/manifests/1"
        manifest = json.loads(registry.contents[path][1]) | {"mediaType": DOCKER_MANIFEST}
        manifest["config"]["mediaType"] = DOCKER_CONFIG
        for layer in manifest["layers"]:
            layer["mediaType"] = f"{DOCKER_LAYER}.gzip"
        registry.contents[path] = (DOCKER_MANIFEST, json.dumps(manifest).encode())
        store.pull(reference)
    archive = tmp_path / "saved.tar"
    archive.write_bytes(saved(store, reference, form="oci"))

    told = json.loads(skopeo("inspect", "--raw", f"oci-archive:{archive}:{reference}"))

    assert {layer["mediaType"] for layer in told["layers"]} == {f"{OCI_LAYER}+gzip"}
    (again,) = ImageStore(tmp_path / "other").load(io.BytesIO(archive.read_bytes()))
    assert (again.id, again.references) == (built.id, (reference,))


@pytest.mark.skipif(not shutil.which("dockerd"), reason="dockerd is not installed")
def test_docker_loads_what_was_saved(store: ImageStore, load: Load, tmp_path: Path) -> None:
    built = images.layered(), images.busybox("registry.example.org:5000/app:1")
    load(images.oci_archive(*built, compression="gzip"))
    archive = saved(store, "layered:test", "registry.example.org:5000/app:1")
    with docker_daemon(tmp_path) as docker:
        docker.call("load", stdin=archive)
        for image in built:
            assert docker.call("inspect", "--format", "{{.Id}}", image.reference).decode().strip() == image.id
        (again,) = ImageStore(tmp_path / "other").load(io.BytesIO(docker.call("save", "layered:test")))
    assert again.id == built[0].id


def skopeo(*arguments: str) -> bytes:
    return subprocess.run(["skopeo", *arguments], stdout=subprocess.PIPE, check=True, timeout=60).stdout
