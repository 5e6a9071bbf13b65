"""Nothing in an archive reaches outside of its layer, every broken one is refused with a reason, and nothing stays."""

import gzip
import io
import json
import os
import struct
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import zstandard

from engine.errors import Cancelled, InvalidArchive
from engine.images import Image, ImageStore, Reporter
from engine.images.limits import FLOOR_BYTES
from tests import images
from tests.images.archives import pack
from tests.images.build import digest
from tests.images.layers import Entry

Load = Callable[[bytes], list[Image]]
Listing = Callable[[], set[str]]

HOSTILE_ENTRIES: dict[str, tuple[Sequence[Entry], str]] = {
    "an absolute path": ([images.file("/etc/passwd", b"x")], "absolute"),
    "a path that climbs out": ([images.file("../../escaped", b"x")], r"'\.\.'"),
    "a path that climbs out in the middle": ([images.file("a/../../escaped", b"x")], r"'\.\.'"),
    "a file through an absolute link": ([images.symlink("out", "/tmp"), images.file("out/escaped")], "leads out"),
    "a file through a link that climbs": ([images.symlink("out", "../.."), images.file("out/escaped")], "leads out"),
    "a file through a chain of links": (
        [images.symlink("a", "b"), images.symlink("b", "/tmp"), images.file("a/escaped")],
        "leads out",
    ),
    "a directory through a link": ([images.symlink("out", "/tmp"), images.directory("out/escaped")], "leads out"),
    "a whiteout through a link": ([images.symlink("out", "/tmp"), images.whiteout("out/escaped")], "leads out"),
    "an opaque mark through a link": ([images.symlink("out", "/tmp"), images.opaque("out")], "leads out"),
    "a device through a link": ([images.symlink("out", "/tmp"), images.device("out/null", 1, 3)], "leads out"),
    "a link that leads to itself": ([images.symlink("a", "a"), images.file("a/b")], "leads out"),
    "a path through a link to nowhere": ([images.symlink("a", "b"), images.file("a/c")], "link to nowhere"),
    "a path through a file": ([images.file("a"), images.file("a/b")], "through a file"),
    "a hard link to an absolute path": ([images.hard_link("shadow", "/etc/shadow")], "absolute"),
    "a hard link that climbs out": ([images.hard_link("shadow", "../../../../etc/shadow")], r"'\.\.'"),
    "a hard link through a link": (
        [images.symlink("out", "/etc"), images.hard_link("shadow", "out/shadow")],
        "leads out",
    ),
    "a hard link to what is not there": ([images.hard_link("a", "b")], "which is no file"),
    "a hard link to a directory": ([images.directory("d"), images.hard_link("a", "d")], "which is no file"),
    "a hard link to itself": ([images.file("a"), images.hard_link("a", "a")], "which is not there"),
    "a disk": ([images.device("sda", 8, 0, is_block=True)], "8:0 is not allowed"),
    "memory": ([images.device("mem", 1, 1)], "1:1 is not allowed"),
    "a block device with a harmless number": ([images.device("null", 1, 3, is_block=True)], "not allowed"),
    "a whiteout made by hand": ([images.device("hidden", 0, 0)], "0:0 is not allowed"),
    "a whiteout of nothing": ([images.file(".wh.")], "whiteout of nothing"),
    "a whiteout of the parent": ([images.file("a/.wh...")], "whiteout of nothing"),
    "a root that is a link": ([images.symlink("./", "/")], "root is a symbolic link"),
    "a name that is too long": ([images.file("n" * 256)], "longer than Linux allows"),
    "a path that is too long": ([images.file("d/" * 2048 + "f")], "longer than Linux allows"),
    "an owner that cannot be": ([images.file("a", owner=(1 << 32) - 1)], "owner 4294967295"),
    "a negative owner": ([images.file("a", owner=-1)], "owner -1"),
}


@pytest.mark.parametrize("what", HOSTILE_ENTRIES)
def test_a_hostile_entry_is_refused_by_name_and_nothing_stays(load: Load, listing: Listing, what: str) -> None:
    load(images.docker_archive(images.busybox("before:1")))
    before, outside = listing(), set(os.listdir("/tmp"))
    entries, reason = HOSTILE_ENTRIES[what]
    layer = images.layer(*entries, format=tarfile.GNU_FORMAT)
    with pytest.raises(InvalidArchive, match=f"layer 2 of 2 .*{reason}"):
        load(images.docker_archive(images.build("hostile:1", [images.busybox_layer(), layer])))
    assert listing() == before
    assert "escaped" not in set(os.listdir("/tmp")) - outside


UNFIT_ATTRIBUTES = {
    "a name with a NUL": ({"user.a\0b": "x"}, "NUL"),
    "a value that is too long": ({"user.a": "x" * 70_000}, "cannot hold"),
    "a name that is too long": ({"user." + "a" * 300: "x"}, "cannot hold"),
    "a capability that is none": ({"security.capability": "x"}, "cannot hold"),
}


@pytest.mark.parametrize("what", UNFIT_ATTRIBUTES)
def test_an_attribute_that_no_file_can_have_is_refused(load: Load, what: str) -> None:
    xattrs, reason = UNFIT_ATTRIBUTES[what]
    layer = images.layer(images.file("a", xattrs=xattrs))
    with pytest.raises(InvalidArchive, match=reason):
        load(images.docker_archive(images.build("x:1", [layer])))


def test_a_configuration_listed_many_times_is_counted_every_time(load: Load) -> None:
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest(b"")]}, "pad": "x" * (3 << 20)}).encode()
    with pytest.raises(InvalidArchive, match="bytes of documents"):
        load(_docker([{"Config": "config", "Layers": ["layer"]}] * 1000, config=config, layer=b""))


def test_a_directory_that_becomes_a_link_leads_nowhere(load: Load, store: ImageStore) -> None:
    layer = images.layer(images.directory("d"), images.file("d/a"), images.symlink("d", "/etc"))
    (image,) = load(images.docker_archive(images.build("x:1", [layer])))
    assert (store.layer_paths(image)[0] / "d").readlink() == Path("/etc")
    hostile = images.layer(
        images.directory("d"), images.file("d/a"), images.symlink("d", "/etc"), images.file("d/a", b"x")
    )
    with pytest.raises(InvalidArchive, match="leads out"):
        load(images.docker_archive(images.build("y:1", [hostile])))


def test_an_archive_sets_no_attributes_of_overlayfs_or_of_a_policy(load: Load, store: ImageStore) -> None:
    wanted = {
        "user.colour": "red",
        "trusted.overlay.opaque": "y",
        "trusted.overlay.redirect": "/etc",
        "security.x": "y",
    }
    layer = images.layer(images.file("a", b"x", xattrs=wanted))
    (image,) = load(images.docker_archive(images.build("x:1", [layer])))
    assert os.listxattr(store.layer_paths(image)[0] / "a") == ["user.colour"]


def _altered(archive: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert old in archive
    return archive.replace(old, new)


def _docker(manifest: object, **files: bytes) -> bytes:
    return pack(files | {"manifest.json": json.dumps(manifest).encode()})


def _oci(index: object) -> bytes:
    return pack({"oci-layout": b"{}", "index.json": json.dumps(index).encode()})


def _descriptor(**changes: object) -> dict[str, object]:
    media_type = "application/vnd.oci.image.manifest.v1+json"
    return {"mediaType": media_type, "digest": f"sha256:{'0' * 64}", "size": 2} | changes


PLAIN = images.docker_archive(images.busybox())
OCI = images.oci_archive(images.busybox(), compression="")

BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "no image archive"),
    "no archive at all": (b"this is not a tar archive" * 100, "this is no tar archive"),
    "an archive of something else": (pack({"hello": b"x"}), "neither manifest.json nor index.json"),
    "a ZIP file": (b"PK\x03\x04" + bytes(600), "zip"),
    "an xz file": (b"\xfd7zXZ\x00" + bytes(600), "xz"),
    "half of an archive": (PLAIN[: len(PLAIN) // 2], "cut short|no image archive"),
    "half of a gzip file": (gzip.compress(PLAIN, 1)[:-1000], "end-of-stream|cut short"),
    "half of a zstd file": (zstandard.compress(PLAIN)[:-1000], "cut short|no image archive|truncated"),
    "a damaged gzip file": (gzip.compress(PLAIN, 1)[:-8] + bytes(8), "CRC"),
    "an altered layer": (_altered(PLAIN, b"nobody:x:65534", b"nobody:x:00000"), "layer 1 of 1 .*digest mismatch"),
    "an altered configuration": (_altered(PLAIN, b'"PATH=/bin"', b'"PATH=/tmp"'), "digest mismatch"),
    "an altered OCI layer": (_altered(OCI, b"nobody:x:65534", b"nobody:x:00000"), "layer 1 of 1 .*digest mismatch"),
    "an altered OCI configuration": (_altered(OCI, b'"PATH=/bin"', b'"PATH=/tmp"'), "digest mismatch"),
    "a manifest that is no JSON": (pack({"manifest.json": b"{"}), "not valid JSON"),
    "a manifest of depths": (pack({"manifest.json": b"[" * 100_000}), "not valid JSON"),
    "a manifest with half a character": (pack({"manifest.json": b'["\\ud800"]'}), "not valid JSON"),
    "a manifest that is no list": (_docker({}), "must be a list"),
    "an empty manifest": (_docker([]), "must be a list"),
    "a manifest of the wrong shape": (_docker([{"Config": 7}]), r"\[0\].Config: must be text"),
    "a manifest without a configuration": (_docker([{"Config": "gone.json"}]), "holds no 'gone.json'"),
    "a huge manifest": (pack({"manifest.json": bytes(9 << 20)}), "too many"),
    "a configuration without layers": (
        _docker([{"Config": "c"}], c=b'{"rootfs": {"type": "layers", "diff_ids": []}}'),
        "no layers",
    ),
    "a label with a NUL in its name": (
        images.docker_archive(images.build("x:1", [b""], config={"Labels": {"a\0b": "c"}})),
        "NUL byte",
    ),
    "a label that would paint the terminal": (
        images.docker_archive(images.build("x:1", [b""], config={"Labels": {"\x1b[31m\n": 7}})),
        r"x1b\[31m.n: must be text",
    ),
    "a wrong diff id": (
        _docker([{"Config": "c"}], c=b'{"rootfs": {"type": "layers", "diff_ids": ["../../x"]}}'),
        "not a sha256 digest",
    ),
    "fewer layers than told": (
        _docker([{"Config": "c"}], c=json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest(b"")]}}).encode()),
        "0 layers, but its configuration tells of 1",
    ),
    "a name that is none": (images.docker_archive(images.busybox("Bad Name")), "not an image's name"),
    "another architecture": (
        images.docker_archive(images.build("a:1", [images.busybox_layer()], architecture="sparc64")),
        "made for 'linux/sparc64', this host is linux/",
    ),
    "another architecture, nested": (
        images.oci_archive(images.build("a:1", [images.busybox_layer()], architecture="sparc64"), is_nested=True),
        "made for 'linux/sparc64', this host is linux/",
    ),
    "an empty index": (_oci({"manifests": []}), "lists no images"),
    "a digest that climbs out": (_oci({"manifests": [_descriptor(digest="sha256:../../x")]}), "not a sha256 digest"),
    "a digest of another kind": (_oci({"manifests": [_descriptor(digest=f"md5:{'0' * 32}")]}), "not a sha256 digest"),
    "a blob that is missing": (_oci({"manifests": [_descriptor()]}), "holds no 'blobs/sha256/0000"),
    "a media type nobody knows": (_oci({"manifests": [_descriptor(mediaType="text/plain")]}), "unsupported media type"),
    "a negative number of bytes": (_oci({"manifests": [_descriptor(size="2")]}), "must be a whole number"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_archive_is_refused_with_the_reason_and_nothing_stays(load: Load, listing: Listing, what: str) -> None:
    load(images.docker_archive(images.busybox("before:1", command=["before"])))
    before = listing()
    archive, reason = BROKEN[what]
    with pytest.raises(InvalidArchive, match=reason) as refused:
        load(archive)
    assert refused.value.message.isprintable()
    assert listing() == before


def test_a_second_layer_that_fails_takes_the_first_with_it(load: Load, listing: Listing) -> None:
    load(images.docker_archive(images.busybox("other:1", command=["x"])))
    before = listing()
    built = images.build(
        "x:1",
        [images.layer(images.file("a", b"1")), images.layer(images.file("b", b"2"))],
        diff_ids=[digest(images.layer(images.file("a", b"1"))), digest(b"something else")],
    )
    with pytest.raises(InvalidArchive, match=r"layer 2 of 2 .*: digest mismatch"):
        load(images.docker_archive(built))
    assert listing() == before


def _zeros(gigabytes: int, compress: Callable[[bytes], bytes]) -> bytes:
    """A tar of one file of zeros, compressed frame by frame, so that the test itself needs little memory."""
    info = tarfile.TarInfo("zeros")
    info.size = gigabytes << 30
    frame = compress(bytes(64 << 20))
    return compress(info.tobuf()) + frame * (gigabytes * 16) + compress(bytes(1024))


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_ten_gigabytes_of_zeros_are_refused_with_little_written(
    store: ImageStore, listing: Listing, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    bomb = _zeros(10, compress)
    assert len(bomb) < 12 << 20
    store.list()
    largest = 0

    def watch(_: object) -> None:
        nonlocal largest
        sizes = [path.stat().st_size for path in tmp_path.rglob("zeros")]
        largest = max(largest, *sizes, 0)

    for attempt in (
        lambda: store.import_rootfs(io.BytesIO(bomb), reference="bomb", reporter=Reporter(watch, None)),
        lambda: store.load(io.BytesIO(_with_layer(bomb)), progress=watch),
        lambda: store.load(io.BytesIO(bomb), progress=watch),
    ):
        with pytest.raises(InvalidArchive, match="bomb"):
            attempt()
        assert not [path for path in listing() if "staging/" in path or "layers/" in path or "sha256/" in path]
    assert largest <= FLOOR_BYTES * 1.3


def _with_layer(layer: bytes) -> bytes:
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest(b"never reached")]}}).encode()
    return _docker([{"Config": "config", "Layers": ["layer"], "RepoTags": None}], config=config, layer=layer)


def test_a_layer_listed_many_times_is_counted_every_time(load: Load) -> None:
    layer = images.layer(images.file("a", bytes(8 << 20)))
    with pytest.raises(InvalidArchive, match="all layers together"):
        load(images.docker_archive(images.build("x:1", [layer] * 30), compression="gzip"))


def test_a_tarball_that_was_cut_short_is_not_imported(store: ImageStore, listing: Listing) -> None:
    tarball = images.layer(images.file("a", b"x" * 512), images.file("b", b"y" * 512))
    for whole in (tarball[:1024], tarball[:2048], images.compress(tarball[:2048], "gzip"), b"", bytes(10240)):
        with pytest.raises(InvalidArchive, match="tarball"):
            store.import_rootfs(io.BytesIO(whole), reference="x")
    assert store.list() == []


def test_a_cancelled_load_leaves_nothing(store: ImageStore, load: Load, listing: Listing) -> None:
    load(images.docker_archive(images.busybox("before:1", command=["before"])))
    before = listing()
    asked = 0

    def is_cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    layers = [images.layer(images.file("a", os.urandom(1 << 20) * 200))]
    archive = images.docker_archive(images.build("x:1", layers))
    with pytest.raises(Cancelled, match="cancelled"):
        store.load(io.BytesIO(archive), is_cancelled=is_cancelled)
    assert asked > 1
    assert listing() == before


def test_numbers_that_no_header_can_hold_are_refused(store: ImageStore) -> None:
    info = tarfile.TarInfo("a")
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"\x80" + struct.pack(">11s", b"\xff" * 11)
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 256)
    with pytest.raises(InvalidArchive, match="size of"):
        store.import_rootfs(io.BytesIO(bytes(block) + bytes(1024)), reference="x")
