"""A load or removal killed at any moment, or out of disk, leaves a store that is whole and can be cleaned."""

import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.errors import StorageFull
from engine.images import Image, ImageStore
from engine.images.staging import Staging
from tests import images
from tests.services.processes import wait_until

Load = Callable[[bytes], list[Image]]
Listing = Callable[[], set[str]]
REPOSITORY = Path(__file__).parents[4]

VICTIM = """
import os, sys
from pathlib import Path
import engine.images.layout, engine.images.staging
from engine.images import ImageStore
store, archive = ImageStore(Path(sys.argv[1])), open(sys.argv[2], "rb")
print("ready", flush=True)
while True:
    archive.seek(0)
    store.load(archive)
    store.remove("victim:1", users=dict)
"""


def _victim(home: Path, archive: Path) -> "subprocess.Popen[str]":
    """A process that loads and removes an image without end."""
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, home, archive], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_kill_at_any_moment_leaves_what_was_there_before(
    store: ImageStore, load: Load, listing: Listing, tmp_path: Path
) -> None:
    files = [images.file(f"f{number}", b"%d" % number) for number in range(300)]
    archive = tmp_path / "victim.tar"
    archive.write_bytes(images.docker_archive(images.build("victim:1", [images.busybox_layer(), images.layer(*files)])))
    (kept,) = load(images.docker_archive(images.busybox("kept:1")))
    before = listing()
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    for _ in range(12):
        victim = _victim(tmp_path, archive)
        time.sleep(chance.random() * 0.3)
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        readable = {image.references for image in store.list()}
        assert readable <= {kept.references, ("docker.io/library/victim:1",)}
        store.repair()
        if len(readable) == 2:
            (victim_image,) = [image for image in store.list() if image.id != kept.id]
            assert (store.layer_paths(victim_image)[0] / "f299").read_bytes() == b"299"
            store.remove("victim:1", users=dict)
        assert listing() == before


def test_cleaning_spares_a_load_at_work(store: ImageStore, load: Load, listing: Listing) -> None:
    (image,) = load(images.docker_archive(images.busybox("app:1")))
    with Staging(store._layout) as staging:
        assert staging.has_layer(image.layers[0].chain_id)
        staging.new_blob.write_bytes(b"half")
        store.repair()
        store.remove("app:1", users=dict)
        assert staging.new_blob.exists()
        assert staging.layer(image.layers[0].chain_id).exists()
    store.repair()
    assert not [path for path in listing() if path.startswith(("images/layers/", "images/staging/"))]


def test_a_damaged_image_is_told_spares_the_others_and_is_mended_by_loading_it_again(
    store: ImageStore, load: Load, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (kept,) = load(images.docker_archive(images.busybox("kept:1")))
    archive = images.docker_archive(images.build("lost:1", [images.layer(images.file("a"))] * 2))
    (lost,) = load(archive)
    (store.layer_paths(lost)[0].parent / "size").unlink()
    fresh = ImageStore(tmp_path)
    fresh.repair()
    assert "docker.io/library/lost:1 is damaged" in caplog.text
    assert fresh.list() == [kept]
    assert all(path.exists() for path in fresh.layer_paths(lost))
    load(images.docker_archive(images.busybox("another:1")))
    fresh.load(io.BytesIO(archive))
    assert fresh.get("lost:1") == lost


def test_a_lost_index_takes_no_layer_with_it(store: ImageStore, load: Load, tmp_path: Path) -> None:
    (image,) = load(images.docker_archive(images.busybox("app:1")))
    (tmp_path / "images/index.json").unlink()
    store.repair()
    assert store.list() == []
    assert (store.layer_paths(image)[0] / "bin/busybox").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


def test_a_full_disk_is_told_before_it_is_full_and_the_room_comes_back(small_disk: Path) -> None:
    store = ImageStore(small_disk)
    store.load(io.BytesIO(images.docker_archive(images.busybox("before:1"))))
    wait_until(lambda: not any(small_disk.glob("images/unsynced/*")), "everything is on the disk")
    before = {str(path) for path in small_disk.rglob("*")}
    built = images.build("big:1", [images.layer(images.file("big", os.urandom(40 << 20)))])
    with pytest.raises(StorageFull, match="is full"):
        store.load(io.BytesIO(images.docker_archive(built)))
    with pytest.raises(StorageFull, match="is full"):
        upload_too_much(store)
    assert {str(path) for path in small_disk.rglob("*")} == before


def upload_too_much(store: ImageStore) -> None:
    with store.open_upload("0b6f3c1e-8a51-4b36-9a3d-2f1f0c5f7a10") as upload:
        for _ in range(100):
            upload.write(bytes(1 << 20))
