"""Pushes through a proxy that cuts: they go on, or fail with a cause, and no registry has half a blob."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from engine.errors import Unreachable
from engine.images import ImageStore
from engine.images.registry import uploads
from engine.spec.image import OCI_MANIFEST
from engine.spec.registry import RegistryAccess
from tests.engine.root.images.conftest import Load
from tests.engine.root.images.test_push import large
from tests.engine.root.images.test_registry import access_to
from tests.images import docker_archive
from tests.services.proxy import Proxy
from tests.services.registry import RunningRegistry


@dataclass(frozen=True)
class Way:
    """The closed registry by another name, which only the proxy knows."""

    proxy: Proxy
    access: RegistryAccess

    def reference(self, repository: str) -> str:
        """Of something there."""
        return f"{self.access.registry}/{repository}"


@pytest.fixture
def way(closed_registry: RunningRegistry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    port = int(closed_registry.name.rpartition(":")[2])
    name = f"registry.test:{port}"
    with Proxy({name: ("127.0.0.1", port)}, secret="hana:p@ss").running() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.setattr(uploads, "_FIRST_PAUSE_S", 0.01)
        yield Way(proxy, replace(access_to(closed_registry), registry=name))


@pytest.mark.parametrize(("chunk_bytes", "where"), [(64 << 20, (1, 5, 9)), (1 << 20, (3, 8))], ids=["whole", "chunks"])
def test_a_push_that_was_cut_goes_on(
    way: Way,
    store: ImageStore,
    load: Load,
    closed_registry: RunningRegistry,
    monkeypatch: pytest.MonkeyPatch,
    chunk_bytes: int,
    where: tuple[int, ...],
) -> None:
    monkeypatch.setattr(uploads, "CHUNK_BYTES", chunk_bytes)
    load(docker_archive(large()))
    for tenths in where:
        way.proxy.cut_after, way.proxy.cuts = (3 << 20) * tenths // 10, 1
        repository = f"cut/{chunk_bytes}/{tenths}"

        store.push("large:1", reference=way.reference(repository), access=way.access)

        assert way.proxy.cuts < 1
        assert blobs_in(closed_registry, repository) == [200, 200]


def test_a_push_that_is_cut_again_and_again_fails_with_a_cause_and_leaves_nothing(
    way: Way, store: ImageStore, load: Load, closed_registry: RunningRegistry
) -> None:
    load(docker_archive(large()))
    way.proxy.cut_after, way.proxy.cuts = 1 << 20, 100

    with pytest.raises(Unreachable, match=f"{way.access.registry} (does not answer|cannot be reached)"):
        store.push("large:1", reference=way.reference("cut/again:1"), access=way.access)

    assert closed_registry.request("GET", "cut/again/manifests/1")[0] == 404
    way.proxy.cuts = 0
    store.push("large:1", reference=way.reference("cut/again:1"), access=way.access)
    assert blobs_in(closed_registry, "cut/again", "1") == [200, 200]


def blobs_in(registry: RunningRegistry, repository: str, tag: str = "latest") -> list[int]:
    """What is answered for each blob of the manifest there."""
    manifest = json.loads(registry.request("GET", f"{repository}/manifests/{tag}", {"Accept": OCI_MANIFEST})[1])
    digests = [one["digest"] for one in (*manifest["layers"], manifest["config"])]
    return [registry.request("HEAD", f"{repository}/blobs/{digest}")[0] for digest in digests]
