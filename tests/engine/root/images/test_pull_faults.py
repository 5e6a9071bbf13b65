"""Whatever goes wrong in a pull: the cause is told, nothing half done is seen, and the next try goes on from there."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from engine.errors import (
    Cancelled,
    EngineError,
    InvalidArchive,
    NotFound,
    RateLimited,
    RegistryError,
    StorageFull,
    Unauthorized,
    Unsupported,
)
from engine.images import Image, ImageStore
from engine.images.downloads.downloads import AT_ONCE
from engine.images.registry import remote_blob, transport
from engine.spec.image import OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from engine.spec.progress import Step
from engine.spec.registry import RegistryAccess
from tests import images
from tests.engine.root.images.test_interruptions import REPOSITORY, small_disk
from tests.images.build import HOST_ARCHITECTURE, digest
from tests.services.faulty_registry import FaultyRegistry
from tests.services.processes import wait_until

__all__ = ["small_disk"]

Listing = Callable[[], set[str]]
RANDOM = os.urandom(3 << 20)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyRegistry]:
    """A registry with an image of one large layer over a small one, and clients that do not wait long."""
    monkeypatch.setattr(remote_blob, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(transport, "RETRIES", transport.RETRIES.new(backoff_factor=0.01))
    with FaultyRegistry().running() as registry:
        registry.put(image())
        yield registry


def image() -> images.Built:
    return images.build("app:1", [images.layer(images.file("a", b"a")), images.layer(images.file("big", RANDOM))])


def check(store: ImageStore, pulled: Image) -> None:
    """It is whole."""
    assert pulled.id == image().id
    assert (store.layer_paths(pulled)[0] / "big").read_bytes() == RANDOM
    store.repair()
    assert store.list() == [pulled]


def left(listing: Listing) -> set[str]:
    """What a pull has left in the store, but for folders."""
    places = ("staging/", "blobs/sha256/", "layers/", "downloads/")
    return {path for path in listing() if any(place in path for place in places)}


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_connection_cut_at_any_tenth_is_taken_up_where_it_ended(
    store: ImageStore, faulty: FaultyRegistry, tenth: int
) -> None:
    faulty.cut_after, faulty.cuts = len(RANDOM) * tenth // 10, 1
    check(store, store.pull(f"{faulty.name}/app:1"))
    assert [start for _, start in faulty.blob_requests if start] == [faulty.cut_after]


def test_a_registry_that_knows_no_ranges_is_read_from_the_beginning(store: ImageStore, faulty: FaultyRegistry) -> None:
    faulty.has_ranges = False
    faulty.cut_after, faulty.cuts = len(RANDOM) // 2, 1
    check(store, store.pull(f"{faulty.name}/app:1"))


def test_after_a_failure_the_next_pull_goes_on(store: ImageStore, faulty: FaultyRegistry, listing: Listing) -> None:
    faulty.cut_after, faulty.cuts = len(RANDOM) // 4, 1
    faulty.statuses = {}
    original, faulty.has_ranges = faulty.answer, True

    def refuse_the_rest(handler: object) -> None:
        faulty.statuses = {"/blobs/": 500} if not faulty.cuts else {}
        original(handler)  # type: ignore[arg-type]  # the server's own handler

    faulty.answer = refuse_the_rest  # type: ignore[method-assign]
    with pytest.raises(RegistryError, match="500"):
        store.pull(f"{faulty.name}/app:1")
    assert store.list() == []
    kept = left(listing)
    assert kept
    assert all("downloads/" in path for path in kept)

    faulty.answer = original  # type: ignore[method-assign]
    faulty.statuses, faulty.requests = {}, []
    check(store, store.pull(f"{faulty.name}/app:1"))
    assert (len(RANDOM) // 4) in [start for _, start in faulty.blob_requests]
    assert not [path for path in left(listing) if "downloads/" in path]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (429, RateLimited),
        (500, RegistryError),
    ],
)
@pytest.mark.parametrize("where", ["/manifests/", "/blobs/"])
def test_every_refusal_is_told_in_the_registrys_words(
    store: ImageStore, faulty: FaultyRegistry, where: str, status: int, kind: type[EngineError]
) -> None:
    faulty.statuses, faulty.headers = {where: status}, {"Retry-After": "77"}
    with pytest.raises(kind, match="the test says so") as told:
        store.pull(f"{faulty.name}/app:1")
    if isinstance(told.value, RateLimited):
        assert told.value.retry_after_s == 77
    assert store.list() == []
    faulty.statuses = {}
    check(store, store.pull(f"{faulty.name}/app:1"))


@pytest.mark.parametrize("change", ["altered", "shorter", "longer"])
def test_other_bytes_than_the_digest_says_are_refused_and_not_kept(
    store: ImageStore, faulty: FaultyRegistry, listing: Listing, change: str
) -> None:
    path = max(faulty.contents, key=lambda path: len(faulty.contents[path][1]))
    media_type, data = faulty.contents[path]
    faulty.contents[path] = (
        media_type,
        {"altered": data[:-9] + b"x" + data[-8:], "shorter": data[:-7], "longer": data + b"x"}[change],
    )
    with pytest.raises(InvalidArchive, match=r"^layer sha256:[0-9a-f]{12}…: [a-zA-Z]") as caught:
        store.pull(f"{faulty.name}/app:1")
    assert caught.value.message.count("layer sha256:") == 1
    assert store.list() == []
    digest = path.rpartition(":")[2]
    assert not [path for path in left(listing) if digest in path]
    faulty.contents[path] = (media_type, data)
    check(store, store.pull(f"{faulty.name}/app:1"))


def test_what_is_no_image_is_refused_by_its_type(store: ImageStore, faulty: FaultyRegistry) -> None:
    chart = faulty.blob("application/vnd.cncf.helm.config.v1+json", b"{}")
    artifact = faulty.put(image(), "artifact", config=chart)
    with pytest.raises(Unsupported, match=r"helm\.config"):
        store.pull(artifact)
    faulty.contents["/v2/app/manifests/old"] = ("application/vnd.docker.distribution.manifest.v1+prettyjws", b"{}")
    with pytest.raises(Unsupported, match="v1\\+prettyjws"):
        store.pull(f"{faulty.name}/app:old")
    faulty.contents["/v2/app/manifests/huge"] = ("application/vnd.oci.image.manifest.v1+json", bytes(5 << 20))
    with pytest.raises(RegistryError, match="longer than"):
        store.pull(f"{faulty.name}/app:huge")


def test_a_layer_the_registry_does_not_keep_comes_from_its_maker(store: ImageStore, faulty: FaultyRegistry) -> None:
    with FaultyRegistry().running() as maker:
        maker.put(image())
        layers = [
            descriptor
            | {
                "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                "urls": ["https://127.0.0.1:1/gone", f"http://{maker.name}/v2/app/blobs/{descriptor['digest']}"],
            }
            for descriptor in json.loads(maker.contents["/v2/app/manifests/1"][1])["layers"]
        ]
        elsewhere = [descriptor | {"mediaType": OCI_LAYER + "+gzip"} for descriptor in layers]
        reference = faulty.put(image(), "foreign", layers=layers)
        common = faulty.put(image(), "common", layers=elsewhere)
        for descriptor in layers:
            del faulty.contents[f"/v2/app/blobs/{descriptor['digest']}"]
        with pytest.raises(NotFound):
            store.pull(common)
        assert not maker.requests
        maker.cut_after, maker.cuts = len(RANDOM) // 2, 1
        check(store, store.pull(reference))


def test_what_was_pulled_by_the_digest_of_an_index_is_found_by_it(store: ImageStore, faulty: FaultyRegistry) -> None:
    _, manifest = faulty.contents["/v2/app/manifests/1"]
    inner = digest(manifest)
    other = {"digest": f"sha256:{'0' * 64}", "size": 9, "platform": {"os": "linux", "architecture": "sparc"}}
    ours = {"digest": inner, "size": len(manifest), "platform": {"os": "linux", "architecture": HOST_ARCHITECTURE}}
    listed = [{"mediaType": OCI_MANIFEST} | entry for entry in (other, ours)]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode()
    faulty.contents[f"/v2/app/manifests/{inner}"] = (OCI_MANIFEST, manifest)
    faulty.contents[f"/v2/app/manifests/{digest(index)}"] = (OCI_INDEX, index)
    reference = f"{faulty.name}/app@{digest(index)}"

    pulled = store.pull(reference)

    assert pulled.references == (reference,)
    assert store.get(reference) == store.get(f"{faulty.name}/app@{inner}") == pulled
    faulty.contents["/v2/app/manifests/1"] = (OCI_INDEX, index)
    assert store.pull(f"{faulty.name}/app:1").digests == tuple(sorted((reference, f"{faulty.name}/app@{inner}")))
    with pytest.raises(NotFound, match="not there for linux/riscv64") as told:
        store.pull(reference, platform="linux/riscv64")
    assert "linux/sparc" in told.value.hint


def indexed(faulty: FaultyRegistry, tag: str, *listed: dict[str, object]) -> dict[str, object]:
    """Have an index of these descriptors under the tag and its digest; its own descriptor."""
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode()
    for name in (tag, digest(index)):
        faulty.contents[f"/v2/app/manifests/{name}"] = (OCI_INDEX, index)
    return {"mediaType": OCI_INDEX, "digest": digest(index), "size": len(index)}


def test_an_index_within_an_index_is_followed_but_not_for_ever(store: ImageStore, faulty: FaultyRegistry) -> None:
    _, manifest = faulty.contents["/v2/app/manifests/1"]
    faulty.contents[f"/v2/app/manifests/{digest(manifest)}"] = (OCI_MANIFEST, manifest)
    ours: dict[str, object] = {"mediaType": OCI_MANIFEST, "digest": digest(manifest), "size": len(manifest)}
    other = ours | {"platform": {"os": "linux", "architecture": "sparc"}}
    inner = indexed(faulty, "inner", ours) | {"platform": {"os": "linux", "architecture": HOST_ARCHITECTURE}}
    indexed(faulty, "outer", indexed(faulty, "others", other), inner)

    check(store, store.pull(f"{faulty.name}/app:outer"))

    for _ in range(6):
        inner = indexed(faulty, "deep", inner)
    with pytest.raises(InvalidArchive, match="nested too deeply"):
        store.pull(f"{faulty.name}/app:deep")


def test_a_full_disk_is_told_and_gets_all_its_room_back(small_disk: Path, faulty: FaultyRegistry) -> None:
    store = ImageStore(small_disk)
    store.repair()
    before = {str(path) for path in small_disk.rglob("*")}
    large = [images.layer(images.file(f"big{number}", os.urandom(20 << 20))) for number in range(2)]
    reference = faulty.put(images.build("large:1", large), "large", is_compressed=False)
    with pytest.raises(StorageFull, match="is full"):
        store.pull(reference)
    assert {str(path) for path in small_disk.rglob("*")} == before


@pytest.mark.parametrize("held_from", [1, 2])
def test_a_pull_is_cancelled_at_once_though_the_registry_is_silent(
    store: ImageStore, faulty: FaultyRegistry, listing: Listing, held_from: int
) -> None:
    """The first blob is the configuration."""
    original = faulty.answer

    def hold(handler: object) -> None:
        if len(faulty.blob_requests) + 1 >= held_from:
            faulty.hold.clear()
        original(handler)  # type: ignore[arg-type]  # the server's own handler

    faulty.answer = hold  # type: ignore[method-assign]
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        store.pull(f"{faulty.name}/app:1", is_cancelled=lambda: len(faulty.blob_requests) >= held_from)
    faulty.answer = original  # type: ignore[method-assign]
    assert time.monotonic() - begun < 10
    assert store.list() == []
    assert all("downloads/" in path for path in left(listing))
    faulty.hold.set()
    check(store, store.pull(f"{faulty.name}/app:1"))


def test_a_pull_started_twice_runs_once(store: ImageStore, faulty: FaultyRegistry, tmp_path: Path) -> None:
    faulty.hold.clear()
    with ThreadPoolExecutor() as pool:
        pulls = [pool.submit(ImageStore(tmp_path).pull, f"{faulty.name}/app:1") for _ in range(3)]
        wait_until(lambda: len([1 for _, path, _ in faulty.requests if "/manifests/" in path]) == 3, "all have begun")
        faulty.hold.set()
        pulled = [pull.result(30) for pull in pulls]
    check(store, pulled[0])
    layers = [path for path, _ in faulty.blob_requests if image().id not in path]
    assert len(layers) == len(set(layers)) == 2


def test_two_images_fetch_a_layer_they_share_once(store: ImageStore, faulty: FaultyRegistry, tmp_path: Path) -> None:
    shared = image()
    other = faulty.put(images.build("other:1", [*shared.layers, images.layer(images.file("c"))]), "other")
    faulty.hold.clear()
    with ThreadPoolExecutor() as pool:
        pulls = [pool.submit(ImageStore(tmp_path).pull, name) for name in (f"{faulty.name}/app:1", other)]
        threading.Timer(0.5, faulty.hold.set).start()
        for pull in pulls:
            pull.result(30)
    assert len(store.list()) == 2
    paths = [path for path, _ in faulty.blob_requests]
    assert len(paths) == len(set(paths))


def test_several_layers_are_fetched_at_once_but_not_all(store: ImageStore, faulty: FaultyRegistry) -> None:
    layers = [images.layer(images.file(f"f{number}", b"%d" % number)) for number in range(12)]
    reference = faulty.put(images.build("many:1", layers), "many")
    told: list[tuple[Step, ...]] = []
    faulty.requests = []

    def release() -> bool:
        if faulty.at_once == AT_ONCE:
            faulty.hold.set()
        return False

    original = faulty.answer

    def hold_layers(handler: object) -> None:
        if len(faulty.blob_requests) == 1:
            faulty.hold.clear()
        original(handler)  # type: ignore[arg-type]  # the server's own handler

    faulty.answer = hold_layers  # type: ignore[method-assign]
    pulled = store.pull(reference, is_cancelled=release, progress=lambda steps: told.append(tuple(steps)))
    assert len(pulled.layers) == 12
    assert faulty.most_at_once == AT_ONCE
    assert any(sum(step.phase == "downloading" for step in steps) >= 2 for steps in told)


VICTIM = """
import sys
from functools import partial
from pathlib import Path
from engine.images import ImageStore
ImageStore(Path(sys.argv[1])).pull(sys.argv[2])
"""


def _has_begun(faulty: FaultyRegistry, asked: int, victim: "subprocess.Popen[bytes]") -> bool:
    return len(faulty.requests) > asked or victim.poll() is not None


def test_a_kill_at_any_moment_leaves_nothing_half_and_the_next_pull_goes_on(
    store: ImageStore, faulty: FaultyRegistry, listing: Listing, tmp_path: Path
) -> None:
    files = [images.file(f"f{number}", RANDOM[number * 1000 :][:1000]) for number in range(1500)]
    reference = faulty.put(images.build("victim:1", [images.layer(*files)] * 2), "victim")
    store.repair()
    for moment in range(1, 6):
        victim = subprocess.Popen([sys.executable, "-c", VICTIM, tmp_path, reference], cwd=REPOSITORY)
        asked = len(faulty.requests)
        wait_until(partial(_has_begun, faulty, asked, victim), "it has begun")
        time.sleep(moment * 0.03)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        if not store.list():
            store.repair()
            assert all("downloads/" in path for path in left(listing))
        else:
            store.remove(reference, users=dict)
    pulled = store.pull(reference)
    assert (store.layer_paths(pulled)[0] / "f1499").read_bytes() == RANDOM[1499 * 1000 :][:1000]
    assert not [path for path in left(listing) if "downloads/" in path or "staging/" in path]


def test_what_nobody_takes_up_goes_after_a_day(store: ImageStore, faulty: FaultyRegistry, listing: Listing) -> None:
    faulty.has_ranges, faulty.cut_after, faulty.cuts = False, 1 << 20, 99
    with pytest.raises(RegistryError, match="again and again"):
        store.pull(f"{faulty.name}/app:1")
    store.repair()
    kept = [path for path in left(listing) if "downloads/" in path]
    assert kept
    for path in kept:
        os.utime(store._layout.root.parent / path, (1, 1))
    store.repair()
    assert left(listing) == set()


@pytest.mark.parametrize("which", ["config", "layers"])
@pytest.mark.parametrize("more", [7, 1 << 62])
def test_a_manifest_that_tells_a_wrong_size_of_what_is_here_is_refused(
    store: ImageStore, faulty: FaultyRegistry, which: str, more: int
) -> None:
    pulled = store.pull(f"{faulty.name}/app:1")
    media_type, data = faulty.contents["/v2/app/manifests/1"]
    manifest = json.loads(data)
    (manifest["config"] if which == "config" else manifest["layers"][1])["size"] += more
    faulty.contents["/v2/app/manifests/2"] = (media_type, json.dumps(manifest).encode())

    with pytest.raises(InvalidArchive, match=r"tells of|too many"):
        store.pull(f"{faulty.name}/app:2")

    check(store, pulled)


def test_a_mirror_that_answers_with_a_page_is_passed_over(store: ImageStore, faulty: FaultyRegistry) -> None:
    with FaultyRegistry().running() as mirror:
        mirror.contents["/v2/app/manifests/1"] = ("text/html", b"<h1>Sign in to the network</h1>")
        check(
            store,
            store.pull(f"{faulty.name}/app:1", access=RegistryAccess(faulty.name, mirrors=(f"http://{mirror.name}",))),
        )
        assert [path for method, path, _ in mirror.requests if "manifests" in path] == ["/v2/app/manifests/1"]


def test_an_index_need_not_say_what_its_manifests_are_for(store: ImageStore, faulty: FaultyRegistry) -> None:
    media_type, data = faulty.contents["/v2/app/manifests/1"]
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    index = {"schemaVersion": 2, "manifests": [{"mediaType": media_type, "digest": digest, "size": len(data)}]}
    faulty.contents[f"/v2/app/manifests/{digest}"] = (media_type, data)
    faulty.contents["/v2/app/manifests/bare"] = (OCI_INDEX, json.dumps(index).encode())

    assert store.pull(f"{faulty.name}/app:bare").id == image().id
    with pytest.raises(NotFound, match="not there for linux/s390x"):
        store.pull(f"{faulty.name}/app:bare", platform="linux/s390x")


@pytest.mark.parametrize("fault", ["altered", "garbage", "shorter", "longer", "cut again and again"])
def test_a_mirrors_wrong_blob_is_fetched_from_the_next_one(
    store: ImageStore, faulty: FaultyRegistry, fault: str, listing: Listing
) -> None:
    with FaultyRegistry().running() as mirror:
        mirror.put(image())
        for path, (media_type, data) in list(mirror.contents.items()):
            if "/blobs/" in path:
                changed = {
                    "altered": data[:-9] + b"x" + data[-8:],
                    "garbage": b"<h1>" + data[4:],
                    "shorter": data[:-7],
                    "longer": data + b"x",
                }
                mirror.contents[path] = (media_type, changed.get(fault, data))
        if fault == "cut again and again":
            mirror.cut_after, mirror.cuts, mirror.has_ranges = len(RANDOM) // 2, 99, False
        access = RegistryAccess(faulty.name, mirrors=(f"http://{mirror.name}",))

        check(store, store.pull(f"{faulty.name}/app:1", access=access))

        assert [path for path, _ in mirror.blob_requests]
        assert not [path for path in left(listing) if "downloads/" in path or "staging/" in path]


def test_what_an_earlier_try_left_is_not_believed_for_ever(store: ImageStore, faulty: FaultyRegistry) -> None:
    store.repair()
    for path, (_, data) in faulty.contents.items():
        if "/blobs/" in path:
            (store._layout.downloads / path.rpartition(":")[2]).write_bytes(bytes(len(data) // 2))
    check(store, store.pull(f"{faulty.name}/app:1"))


def test_a_mirrors_manifest_that_is_none_is_passed_over(store: ImageStore, faulty: FaultyRegistry) -> None:
    with FaultyRegistry().running() as mirror:
        mirror.put(image())
        manifest = mirror.contents["/v2/app/manifests/1"]
        access = RegistryAccess(faulty.name, mirrors=(f"http://{mirror.name}",))
        for broken in (manifest[1][:-9], b"[]", b""):
            mirror.contents["/v2/app/manifests/1"] = (manifest[0], broken)
            check(store, store.pull(f"{faulty.name}/app:1", access=access))
            store.remove(f"{faulty.name}/app:1", users=dict)
