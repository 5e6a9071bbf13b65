"""The store loads real archives, names them, shares layers, and gives everything back when images go."""

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.images import ImageStore
from tests import images


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path)


def listing(home: Path) -> set[str]:
    """Every path of a store's folder."""
    return {str(path.relative_to(home)) for path in home.rglob("*")}


ARCHIVES: dict[str, Callable[[images.Built], bytes]] = {
    "docker": images.docker_archive,
    "docker in gzip": lambda image: images.docker_archive(image, outer="gzip"),
    "docker in zstd": lambda image: images.docker_archive(image, outer="zstd"),
    "docker with gzip layers": lambda image: images.docker_archive(image, compression="gzip"),
    "OCI plain": lambda image: images.oci_archive(image, compression=""),
    "OCI gzip": lambda image: images.oci_archive(image, compression="gzip"),
    "OCI zstd": lambda image: images.oci_archive(image, compression="zstd"),
    "OCI nested": lambda image: images.oci_archive(image, is_nested=True),
    "OCI zstd in gzip": lambda image: images.oci_archive(image, compression="zstd", outer="gzip"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_every_kind_of_archive_becomes_the_same_image(store: ImageStore, kind: str) -> None:
    built = images.busybox("busybox:test", command=["sh", "-c", "true"])
    (loaded,) = store.load(io.BytesIO(ARCHIVES[kind](built)))
    assert loaded.id == built.id
    assert loaded.references == ("docker.io/library/busybox:test",)
    assert loaded.command == ("sh", "-c", "true")
    assert [layer.diff_id for layer in loaded.layers] == built.diff_ids
    assert store.list() == [loaded]
    (layer,) = store.layer_paths(loaded)
    assert (layer / "bin/busybox").read_bytes() == Path("/bin/busybox").read_bytes()
    assert (layer / "bin/sh").stat().st_ino == (layer / "bin/busybox").stat().st_ino
    assert stat.S_IMODE((layer / "tmp").stat().st_mode) == 0o1777


def test_whiteouts_become_overlayfs_s_own(store: ImageStore) -> None:
    (image,) = store.load(io.BytesIO(images.docker_archive(images.layered())))
    top = store.layer_paths(image)[0]
    for gone in ("data/gone", "data/tree"):
        info = (top / gone).lstat()
        assert (stat.S_ISCHR(info.st_mode), info.st_rdev) == (True, 0)
    assert os.getxattr(top / "hidden", "trusted.overlay.opaque") == b"y"
    assert not (top / "hidden/before").exists()
