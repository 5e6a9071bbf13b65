"""Images that nobody needs go, exactly those that were told before, and as many bytes come back."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import ImagePruneFilters, InvalidSpec
from engine.images import Image, ImageStore
from engine.images.downloads.claim import claimed
from tests import images
from tests.services.host import Host

Load = Callable[[bytes], list[Image]]
ALL = ImagePruneFilters(dangling=False)


def told(store: ImageStore, filters: ImagePruneFilters = ALL, *used: str) -> set[str]:
    users = {image_id: ["web"] for image_id in used}
    return {image.id for image in store.prune(filters, users=lambda: users, dry_run=True).images}


def test_nameless_images_go_and_all_unused_ones_if_asked(store: ImageStore, load: Load) -> None:
    (old,) = load(images.docker_archive(images.busybox("app:1", command=["old"])))
    (new,) = load(images.docker_archive(images.busybox("app:1", command=["new"])))
    (used,) = load(images.docker_archive(images.busybox("used:1", command=["used"])))
    store.tag("app:1", "app:2")
    assert told(store, ImagePruneFilters()) == {old.id}
    assert told(store, ALL, used.id) == {old.id, new.id}
    pruned = store.prune(ALL, users=lambda: {used.id: ["web"]}, dry_run=False)
    assert {(image.id, image.references) for image in pruned.images} == {
        (old.id, ()),
        (new.id, ("docker.io/library/app:1", "docker.io/library/app:2")),
    }
    assert [image.id for image in store.list()] == [used.id]


def test_bytes_that_images_share_are_counted_once_and_those_that_stay_not_at_all(
    store: ImageStore, load: Load, tmp_path: Path
) -> None:
    big = images.layer(images.file("big", b"x" * 3_000_000))
    load(images.oci_archive(images.build("a:1", [images.busybox_layer(), big], config={"Cmd": ["a"]})))
    load(images.oci_archive(images.build("b:1", [images.busybox_layer(), big], config={"Cmd": ["b"]})))
    load(images.oci_archive(images.busybox("stays:1")))
    keeping = ImagePruneFilters(dangling=False, without_labels=("keep",))
    stays = store.get("stays:1").id
    before = sum(path.stat().st_size for path in (tmp_path / "images/blobs/sha256").iterdir())
    planned = store.prune(keeping, users=lambda: {stays: ["web"]}, dry_run=True)
    assert len(store.list()) == 3
    done = store.prune(keeping, users=lambda: {stays: ["web"]}, dry_run=False)
    assert planned == done
    after = sum(path.stat().st_size for path in (tmp_path / "images/blobs/sha256").iterdir())
    assert done.freed_bytes == before - after + 3_000_000
    assert store.prune(keeping, users=lambda: {stays: ["web"]}, dry_run=False).freed_bytes == 0


def test_filters_name_labels_and_a_time(store: ImageStore, load: Load) -> None:
    built = [
        images.build(f"{name}:1", [images.busybox_layer()], config={"Labels": labels})
        for name, labels in {"a": {"team": "harbour", "stage": "test"}, "b": {"team": "yard"}, "c": {}}.items()
    ]
    load(images.docker_archive(*built))
    a, b, c = (image.id for image in built)

    def meant(**filters: object) -> set[str]:
        return told(store, ImagePruneFilters.from_json({"dangling": False} | filters))

    assert meant(labels=["team=harbour", "stage"]) == {a}
    assert meant(labels=["team"], without_labels=["team=yard"]) == {a}
    assert meant(without_labels=["stage"]) == {b, c}
    assert meant(until="2026-01-02T03:04:05Z") == set()
    assert meant(until="2026-01-02T03:04:06Z") == {a, b, c}
    with pytest.raises(InvalidSpec, match="until"):
        meant(until="yesterday")
    with pytest.raises(InvalidSpec, match="dangling"):
        ImagePruneFilters.from_json({"dangling": "no"})


def test_what_a_save_reads_stays_until_it_has_ended(store: ImageStore, load: Load, tmp_path: Path) -> None:
    load(images.docker_archive(images.busybox("app:1")))
    with store.save(["app:1"], form="docker") as stream:
        begun = next(stream)
        pruned = store.prune(ALL, users=dict, dry_run=False)
        assert len(pruned.images) == 1
        assert pruned.freed_bytes == 0
        rest = b"".join(stream)
    (again,) = ImageStore(tmp_path / "other").load(io.BytesIO(begun + rest))
    assert again.id == pruned.images[0].id


def test_an_image_of_a_container_is_never_taken(host: Host) -> None:
    (fresh,) = host.engine.load_image(io.BytesIO(images.docker_archive(images.busybox("fresh:1", command=["fresh"]))))
    container = host.create("true", image="fresh:1")
    assert fresh.id not in {image.id for image in host.engine.prune_images(ALL, dry_run=True).images}
    host.engine.remove(container)
    assert fresh.id in {image.id for image in host.engine.prune_images(ALL, dry_run=True).images}


def test_what_pulls_left_is_counted_and_goes_but_not_what_one_works_on(store: ImageStore) -> None:
    store.repair()
    left, held, linked = (store._layout.downloads / (digit * 64) for digit in "abc")
    for path in (left, held, linked):
        path.write_bytes(bytes(1000))
    (store._layout.staging / "name").hardlink_to(linked)
    with claimed(held, on_wait=lambda: None):
        assert store.prune(ImagePruneFilters(labels=("a",)), users=dict, dry_run=True).downloads_bytes == 0
        early = ImagePruneFilters(until="2026-01-01T00:00:00Z")
        assert store.prune(early, users=dict, dry_run=True).downloads_bytes == 0
        planned = store.prune(ImagePruneFilters(), users=dict, dry_run=True)
        assert (planned.freed_bytes, planned.downloads_bytes) == (1000, 1000)
        assert left.exists()
        assert store.prune(ImagePruneFilters(), users=dict, dry_run=False) == planned
    assert [path.exists() for path in (left, held, linked)] == [False, True, True]
