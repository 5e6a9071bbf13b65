"""Pushes to a real registry: blobs mounted, sent in chunks, taken up after a cut, and byte for byte what was pulled."""

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine.errors import Cancelled, Unreachable
from engine.images import ImageStore
from engine.images.layers.packed import PlainLayer
from engine.images.registry import RegistryClient, uploads
from engine.images.registry.client import Request
from engine.images.registry.transport import Response
from engine.spec.image import OCI_MANIFEST
from engine.spec.progress import Step
from tests import images
from tests.engine.root.images.conftest import Load
from tests.services.faulty_registry import FaultyRegistry
from tests.services.registry import RunningRegistry

Asked = list[tuple[str, str]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Method and path of everything a client asks the registry itself."""
    found: Asked = []
    original = RegistryClient.ask_home

    def ask_home(client: RegistryClient, request: Request) -> Response:
        found.append((request.method, request.path))
        return original(client, request)

    monkeypatch.setattr(RegistryClient, "ask_home", ask_home)
    return found


def large() -> images.Built:
    """An image of 3 MiB that nobody has pushed before."""
    return images.build("large:1", [images.layer(images.file("large", os.urandom(3 << 20)))])


def phases(told: Sequence[Sequence[Step]]) -> list[str]:
    return [step.phase for step in told[-1] if step.unit == "bytes"]


def test_blobs_of_another_repository_of_the_registry_are_mounted(
    store: ImageStore, load: Load, registry: RunningRegistry, asked: Asked
) -> None:
    load(images.docker_archive(large()))
    store.tag("large:1", f"{registry.name}/first/large:1")
    first = store.push(f"{registry.name}/first/large:1")
    asked.clear()
    told: list[Sequence[Step]] = []

    second = store.push("large:1", reference=f"{registry.name}/second/large:1", progress=told.append)

    assert second.digest == first.digest
    assert phases(told) == ["exists", "exists"]
    assert len([path for method, path in asked if "?mount=" in path]) == 2
    assert not [path for method, path in asked if method == "PUT" and "/uploads/" in path]
    assert registry.request("GET", "second/large/manifests/1", {"Accept": OCI_MANIFEST})[0] == 200


def test_a_repository_that_has_not_the_blobs_is_no_hindrance(
    store: ImageStore, load: Load, registry: RunningRegistry
) -> None:
    load(images.docker_archive(large()))
    store.tag("large:1", f"{registry.name}/never/pushed:1")
    pushed = store.push("large:1", reference=f"{registry.name}/fresh/large:1")
    assert ImageStore(store._layout.root / "other").pull(pushed.reference).manifest_digest == pushed.digest


def test_a_large_blob_goes_in_chunks_and_on_after_one_that_failed(
    store: ImageStore, load: Load, registry: RunningRegistry, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "CHUNK_BYTES", 1 << 20)
    monkeypatch.setattr(uploads, "_FIRST_PAUSE_S", 0.01)
    recorded = RegistryClient.ask_home

    def fail_once(client: RegistryClient, request: Request) -> Response:
        if request.method == "PATCH" and [method for method, _ in asked].count("PATCH") == 1:
            asked.append(("PATCH", request.path))
            raise Unreachable("the connection was cut")
        return recorded(client, request)

    monkeypatch.setattr(RegistryClient, "ask_home", fail_once)
    load(images.docker_archive(large()))

    pushed = store.push("large:1", reference=f"{registry.name}/chunks/large:1")

    assert [method for method, _ in asked].count("PATCH") == 5  # four chunks, one of them twice
    assert ImageStore(store._layout.root / "other").pull(pushed.reference).manifest_digest == pushed.digest


def test_what_was_pulled_is_pushed_as_it_is(store: ImageStore, registry: RunningRegistry, load: Load) -> None:
    load(images.docker_archive(large()))
    first = store.push("large:1", reference=f"{registry.name}/origin/large:1")
    other = ImageStore(store._layout.root / "other")
    other.pull(first.reference)
    told: list[Sequence[Step]] = []

    assert other.push(first.reference, progress=told.append).digest == first.digest
    assert phases(told) == ["exists", "exists"]


def test_a_layer_that_an_image_has_twice_is_sent_once(
    store: ImageStore, registry: RunningRegistry, load: Load, asked: Asked
) -> None:
    load(images.docker_archive(images.build("twice:1", [images.layer(images.file("a", os.urandom(99)))] * 2)))
    store.push("twice:1", reference=f"{registry.name}/twice/app:1")
    assert len([path for method, path in asked if method == "PUT" and "/uploads/" in path]) == 2


def test_a_push_can_be_cancelled(store: ImageStore, registry: RunningRegistry, load: Load) -> None:
    load(images.docker_archive(large()))
    with pytest.raises(Cancelled):
        store.push("large:1", reference=f"{registry.name}/cancelled/large:1", is_cancelled=lambda: True)
    assert registry.request("GET", "cancelled/large/manifests/1")[0] == 404
    assert store.push("large:1", reference=f"{registry.name}/cancelled/large:1").digest


def saved() -> images.Built:
    """An image of two plain layers, one of which compresses well."""
    return images.build(
        "saved:1",
        [images.layer(images.file("a", b"moorage " * 90_000)), images.layer(images.file("b", os.urandom(5000)))],
    )


def test_plain_layers_go_compressed_and_the_same_from_any_host(
    store: ImageStore, registry: RunningRegistry, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (image,) = load(archive := images.docker_archive(saved()))
    told: list[Sequence[Step]] = []
    first = store.push("saved:1", reference=f"{registry.name}/packed/app:1", progress=told.append)
    assert first.size_bytes < 100_000
    assert {step.phase for step in told[-1] if step.unit == "bytes"} == {""}
    done = [sum(step.current for step in steps) for steps in told]
    assert done == sorted(done)
    assert f"{registry.name}/packed/app@{first.digest}" in store.get("saved:1").digests

    other = ImageStore(tmp_path / "other")
    other.load(io.BytesIO(archive))
    from_there = other.push("saved:1", reference=f"{registry.name}/packed/app:2", progress=told.append)
    assert (from_there.digest, phases(told)) == (first.digest, ["exists"] * 3)

    def pack(*_: object) -> None:
        pytest.fail("nothing has to be compressed to know that all is there")

    monkeypatch.setattr(PlainLayer, "pack", pack)
    assert store.push("saved:1", reference=f"{registry.name}/packed/app:3", progress=told.append).digest == first.digest
    pulled = ImageStore(tmp_path / "third").pull(f"{registry.name}/packed/app:1")
    assert (pulled.id, pulled.manifest_digest) == (image.id, first.digest)


def test_what_a_registry_gave_out_plain_stays_plain(store: ImageStore, load: Load, registry: RunningRegistry) -> None:
    with FaultyRegistry().running() as plain:
        pulled = store.pull(plain.put(saved(), is_compressed=False))
    assert store.push(pulled.id, reference=f"{registry.name}/plain/app:1").digest == pulled.manifest_digest


def test_a_push_that_is_cancelled_while_it_compresses_leaves_nothing(
    store: ImageStore, registry: RunningRegistry, load: Load, listing: Callable[[], set[str]]
) -> None:
    load(images.docker_archive(saved()))
    before = listing()
    with pytest.raises(Cancelled):
        store.push("saved:1", reference=f"{registry.name}/ended/app:1", is_cancelled=lambda: True)
    assert {path for path in listing() - before if not path.endswith("/gzip")} == set()
