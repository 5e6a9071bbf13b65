"""What each layer does to the files, and how two images differ, as overlayfs itself would show it."""

import io
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import FileChange, FileQuery, InvalidSpec, NotFound
from engine.images import Image, ImageStore
from tests import images

Load = Callable[[bytes], list[Image]]


def changes(store: ImageStore, name: str, layer: int = 0) -> dict[str, str]:
    page = store.files(name, FileQuery(layer=layer, limit=10_000))
    assert page.next == ""
    return {file.path: file.kind.value for file in page.files}


def paged(store: ImageStore, name: str, query: FileQuery, limit: int) -> list[FileChange]:
    """The same by as many pages as it takes."""
    found: list[FileChange] = []
    after = ""
    while True:
        page = store.files(name, FileQuery(query.layer, query.search, query.kind, after, limit))
        assert len(page.files) <= limit
        found += page.files
        if not (after := page.next):
            return found


def test_a_layer_adds_changes_and_deletes(store: ImageStore, load: Load, tmp_path: Path) -> None:
    load(images.docker_archive(images.layered()))
    assert set(changes(store, "layered:test", 1).values()) == {"added"}
    assert changes(store, "layered:test", 2) == dict.fromkeys(
        (
            "/data",
            "/data/dir",
            "/data/gone",
            "/data/kept",
            "/data/tree",
            "/data/tree/leaf",
            "/hidden",
            "/hidden/before",
        ),
        "added",
    )
    assert changes(store, "layered:test", 3) == {
        "/data/dir": "changed",
        "/data/dir/inner": "added",
        "/data/gone": "deleted",
        "/data/kept": "changed",
        "/data/tree": "deleted",
        "/hidden/after": "added",
        "/hidden/before": "deleted",
        "/hidden/link": "added",
    }
    with pytest.raises(NotFound, match="no layer 4"):
        changes(store, "layered:test", 4)
    counts = [layer.changes for layer in store.layers("layered:test")]
    assert [(count.added, count.changed, count.deleted) for count in counts[1:]] == [(8, 0, 0), (3, 2, 3)]
    assert [layer.changes for layer in store.layers("layered:test")] == counts
    (kept, *_rest) = tmp_path.rglob("layers/*/changes")
    kept.write_bytes(b"")  # as a power cut may leave it
    assert [layer.changes for layer in store.layers("layered:test")] == counts


def test_an_image_of_very_many_layers_is_looked_through_in_no_time(store: ImageStore, load: Load) -> None:
    layers = [images.layer(images.file(f"many/{number}", b"x")) for number in range(200)]
    load(images.docker_archive(images.build("many:test", layers)))
    started = time.process_time()
    assert [layer.changes.added for layer in store.layers("many:test")] == [2, *[1] * 199]
    assert time.process_time() - started < 1.5


def test_what_is_told_of_a_file_is_what_it_is(store: ImageStore, load: Load) -> None:
    load(images.docker_archive(images.layered()))
    told = {file.path: file for file in store.files("layered:test", FileQuery(layer=3)).files}
    link, kept, tree = told["/hidden/link"], told["/data/kept"], told["/data/tree"]
    assert (link.type, link.target, link.layer) == ("link", "/data/kept", 3)
    assert (kept.type, kept.size_bytes, kept.size_before_bytes, kept.mode) == ("file", 3, 3, 0o644)
    assert (tree.type, tree.mode) == ("folder", 0o755)


def test_pages_of_any_size_give_the_same_files_in_the_same_order(store: ImageStore, load: Load) -> None:
    load(images.docker_archive(images.layered()))
    whole = list(store.files("layered:test", FileQuery(limit=10_000)).files)
    assert [(file.layer, file.path.split("/")) for file in whole] == sorted(
        (file.layer, file.path.split("/")) for file in whole
    )
    for limit in (29, len(whole)):
        assert paged(store, "layered:test", FileQuery(), limit) == whole


def test_files_are_found_by_part_of_a_path_and_by_what_became_of_them(store: ImageStore, load: Load) -> None:
    load(images.docker_archive(images.layered()))
    found = paged(store, "layered:test", FileQuery(search="DATA/K"), 1)
    assert [(file.layer, file.path, file.kind) for file in found] == [
        (2, "/data/kept", "added"),
        (3, "/data/kept", "changed"),
    ]
    assert {file.path for file in paged(store, "layered:test", FileQuery(kind="deleted"), 2)} == {
        "/data/gone",
        "/data/tree",
        "/hidden/before",
    }
    for query in (
        FileQuery(kind="new"),
        FileQuery(limit=0),
        FileQuery(after="1"),
        FileQuery(after="1.%"),
        FileQuery(after="0.YQ"),
    ):
        with pytest.raises(InvalidSpec):
            store.files("layered:test", query)


def test_names_of_any_bytes_and_trees_of_any_depth_are_listed_by_pages(store: ImageStore, load: Load) -> None:
    odd = [os.fsdecode(name) for name in (b"\xff\xfe", b"<b onclick=alert(1)>", b"a\nb", b"%2e.b", b"\xe2\x80\xae")]
    deep = "/".join("d" * 1100)
    layer = images.layer(*(images.file(name, b"x") for name in odd), images.file(f"{deep}/end", b"x"))
    load(images.docker_archive(images.build("odd:1", [images.busybox_layer(), layer])))
    found = [file.path for file in paged(store, "odd:1", FileQuery(layer=2), 400)]
    assert {f"/{name}" for name in odd} <= set(found)
    assert f"/{deep}/end" in found
    assert len(found) == len(odd) + 1101
    store.remove("odd:1", users=dict)  # pytest's own clearing away cannot go so deep


def test_two_images_differ_in_what_their_files_are_and_not_in_how_they_came_about(
    store: ImageStore, load: Load
) -> None:
    below = images.layer(
        images.directory("etc"), images.file("etc/same", b"1"), images.file("etc/old", b"1"), images.file("gone")
    )
    one = images.layer(
        images.file("etc/again", b"same content"), images.file("etc/mode", mode=0o600), images.file("etc/changed", b"a")
    )
    two = images.layer(
        images.file("etc/again", b"same content"),
        images.file("etc/mode", mode=0o644),
        images.file("etc/changed", b"b"),
        images.whiteout("gone"),
        images.symlink("etc/old", "same"),
        images.file("new/er", b"1"),
    )
    load(images.docker_archive(images.build("a:1", [below, one], config={"Env": ["A=1", "B=2"], "Cmd": ["x"]})))
    load(images.docker_archive(images.build("b:1", [below, two], config={"Env": ["A=1", "B=3"], "User": "u"})))
    found = store.compare_files("a:1", "b:1", FileQuery())
    assert {file.path: file.kind.value for file in found.files} == {
        "/etc/changed": "changed",
        "/etc/mode": "changed",
        "/etc/old": "changed",
        "/gone": "deleted",
        "/new": "added",
        "/new/er": "added",
    }
    turned = {file.path: file.kind.value for file in store.compare_files("b:1", "a:1", FileQuery()).files}
    assert turned == {
        "/etc/changed": "changed",
        "/etc/mode": "changed",
        "/etc/old": "changed",
        "/gone": "added",
        "/new": "deleted",
    }
    assert store.compare_files("a:1", "a:1", FileQuery()).files == ()
    told = store.compare("a:1", "b:1")
    assert told.shared_layers == (store.get("a:1").layers[0].chain_id,)
    assert {(one.field, one.name, one.before and str(one.before[0]), one.after) for one in told.differences} == {
        ("env", "B", "2", "3"),
        ("command", "", "x", None),
        ("user", "", "", "u"),
    }


def test_what_layers_show_together_is_what_overlayfs_shows(store: ImageStore, load: Load, tmp_path: Path) -> None:
    (image,) = load(images.docker_archive(images.layered()))
    empty = images.build("empty:1", [images.layer(images.directory("none"))])
    load(images.docker_archive(empty))
    found = store.compare_files("empty:1", "layered:test", FileQuery(limit=10_000)).files
    listed = {file.path for file in found if file.kind == "added"}
    place = tmp_path / "merged"
    place.mkdir()
    lower = ":".join(str(path) for path in store.layer_paths(image))
    subprocess.run(["mount", "-t", "overlay", "-o", f"ro,lowerdir={lower}", "none", place], check=True)
    try:
        shown = {f"/{path.relative_to(place)}" for path in place.rglob("*")}
    finally:
        subprocess.run(["umount", place], check=True)
    assert listed == shown


def test_history_names_the_layers_it_made(store: ImageStore, load: Load) -> None:
    built = images.layered()
    load(images.docker_archive(built))
    assert [(step.created_by, step.layer) for step in store.history("layered:test")] == [
        ("layer 0", 1),
        ("layer 1", 2),
        ("layer 2", 3),
    ]
    image = store.get("layered:test")
    assert [step.size_bytes for step in store.history("layered:test")] == [layer.size_bytes for layer in image.layers]


def test_layers_tell_who_shares_them_and_images_how_much(store: ImageStore, load: Load) -> None:
    (alone,) = load(images.docker_archive(images.layered()))
    assert alone.shared_bytes == 0
    (second,) = load(images.docker_archive(images.busybox("b:1", command=["b"])))
    first, *upper = store.layers("layered:test")
    assert first.shared_with == (second.id,)
    assert {layer.shared_with for layer in upper} == {()}
    assert store.get("layered:test").shared_bytes == second.size_bytes == store.get("b:1").shared_bytes
    assert first.stored_bytes == len(images.busybox_layer())
    store.load(io.BytesIO(images.docker_archive(images.busybox("b:2", command=["b"]))))  # one more name
    assert store.layers("layered:test")[0].shared_with == (second.id,)
