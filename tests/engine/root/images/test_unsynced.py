"""What was published is brought to the disk behind one's back; after a power cut before that, nothing looks whole."""

import json
import threading
from pathlib import Path
from uuid import uuid4

import pytest

from engine.errors import NotFound
from engine.images import ImageStore
from engine.images.layout import Layout
from engine.sys import process
from tests.engine.root.images.conftest import Load
from tests.images import busybox, docker_archive
from tests.services.processes import wait_until


@pytest.fixture
def layout(store: ImageStore) -> Layout:
    return store._layout


def notes(layout: Layout) -> list[Path]:
    return list(layout.unsynced.iterdir())


def noted(layout: Layout, names: list[str], boot: str) -> None:
    """As a process that is gone left it."""
    (layout.unsynced / str(uuid4())).write_text(json.dumps({"boot": boot, "names": names}))


def test_the_note_goes_when_all_is_on_the_disk(store: ImageStore, layout: Layout, load: Load) -> None:
    load(docker_archive(busybox("busybox:test")))
    wait_until(lambda: not notes(layout), "everything is on the disk")
    assert [thread.name for thread in threading.enumerate()].count("sync") == 0


def test_what_a_killed_process_did_not_wait_for_is_settled(store: ImageStore, layout: Layout, load: Load) -> None:
    (image,) = load(docker_archive(busybox("busybox:test")))
    noted(layout, [image.layers[0].chain_id.removeprefix("sha256:")], process.boot_id())
    store.repair()
    assert not notes(layout)
    assert store.get("busybox:test") == image


def test_after_a_power_cut_a_layer_is_not_believed_and_loading_it_again_mends_it(
    store: ImageStore, layout: Layout, load: Load
) -> None:
    archive = docker_archive(busybox("busybox:test"))
    (image,) = load(archive)
    wait_until(lambda: not notes(layout), "everything is on the disk")
    tree = layout.layer(image.layers[0].chain_id)
    (tree / "diff/bin/busybox").write_bytes(b"")  # what a file looks like whose bytes never came to the disk
    noted(layout, [tree.name, image.id.removeprefix("sha256:")], "another boot")
    store.repair()
    assert not notes(layout)
    with pytest.raises(NotFound):
        ImageStore(layout.root.parent).get("busybox:test")

    assert load(archive) == [image]

    assert (tree / "diff/bin/busybox").stat().st_size > 0


def test_a_blob_that_is_whole_stays_and_one_that_is_not_goes(store: ImageStore, layout: Layout, load: Load) -> None:
    (image,) = load(docker_archive(busybox("busybox:test")))
    wait_until(lambda: not notes(layout), "everything is on the disk")
    config, manifest = layout.blob(image.id), layout.blob(image.manifest_digest)
    config.write_bytes(config.read_bytes()[:-1])
    noted(layout, [config.name, manifest.name, "f" * 64], "another boot")
    store.repair()
    assert (config.exists(), manifest.exists()) == (False, True)
