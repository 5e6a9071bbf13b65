"""Pulling from and pushing to a real registry."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from engine.errors import Cancelled, InvalidSpec, NotFound, Unauthorized, Unreachable
from engine.images import ImageStore, check_registry, resolve
from engine.images.registry.endpoints import homes
from engine.spec.progress import Step
from engine.spec.registry import Credentials, RegistryAccess
from tests.engine.root.images.conftest import Load
from tests.images import build, busybox, docker_archive, file, layer
from tests.services.panel import free_port
from tests.services.registry import PASSWORD, USER, RunningRegistry, registry_running


class Put(Protocol):
    """Brings an image to a registry."""

    def __call__(self, registry: RunningRegistry, repository: str, **config: Any) -> str: ...


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Bring busybox to a registry by skopeo, under that repository and tag; its reference."""

    def put(registry: RunningRegistry, repository: str, **config: Any) -> str:
        archive = tmp_path / "archive.tar"
        archive.write_bytes(docker_archive(busybox("busybox:put", **config)))
        return registry.put(archive, repository)

    return put


def access_to(registry: RunningRegistry) -> RegistryAccess:
    credentials = Credentials(USER, PASSWORD) if registry.user else None
    return RegistryAccess(registry.name, credentials, registry.ca)


def test_what_skopeo_pushed_is_pulled_whole(store: ImageStore, registry: RunningRegistry, put: Put) -> None:
    reference = put(registry, "team/app:1")
    told: list[tuple[Step, ...]] = []

    image = store.pull(reference, progress=lambda steps: told.append(tuple(steps)))

    assert image.references == (reference,)
    assert image.id == busybox("busybox:put").id
    assert (store.layer_paths(image)[0] / "bin" / "busybox").exists()
    assert image.manifest_digest == resolve(reference).digest
    assert {step.status for step in told[-1]} == {"done"}
    assert any(step.name.startswith("layer 1 of 1 (") and step.current == step.total > 0 for step in told[-1])


def test_what_is_here_is_not_fetched_again(store: ImageStore, registry: RunningRegistry, put: Put) -> None:
    first = put(registry, "team/twice:1")
    store.pull(first)
    told: list[tuple[Step, ...]] = []

    store.pull(put(registry, "team/twice:2"), progress=lambda steps: told.append(tuple(steps)))

    assert [step.phase for step in told[-1] if step.name.startswith("layer")] == ["exists"]


def test_a_registry_that_asks_for_a_name_and_has_its_own_authority(
    store: ImageStore, closed_registry: RunningRegistry, put: Put
) -> None:
    access, reference = access_to(closed_registry), put(closed_registry, "team/app:1")

    check_registry(access)
    assert store.pull(reference, access=access).references == (reference,)
    with pytest.raises(Unauthorized, match="does not give everybody"):
        store.pull(reference, access=replace(access, credentials=None))
    with pytest.raises(Unauthorized, match=f"refuses {USER}"):
        check_registry(replace(access, credentials=Credentials(USER, "wrong")))


def test_only_on_this_machine_or_if_it_is_said_tls_may_be_missing() -> None:
    assert [home.is_verified for home in homes(RegistryAccess("registry.example:5000"))] == [True]
    assert [home.url for home in homes(RegistryAccess("registry.example:5000", is_insecure=True))] == [
        "https://registry.example:5000",
        "http://registry.example:5000",
    ]
    assert homes(RegistryAccess("docker.io"))[0].url == "https://registry-1.docker.io"
    assert len(homes(RegistryAccess("127.0.0.1:5000"))) == len(homes(RegistryAccess("localhost"))) == 2


@pytest.mark.parametrize("compression", ["zstd", "zstd:chunked"])
def test_layers_that_skopeo_compressed_in_other_ways_are_pulled(
    store: ImageStore, registry: RunningRegistry, tmp_path: Path, compression: str
) -> None:
    """skopeo 1.9 itself loses what stands behind the two blocks a tar ends with when it makes zstd:chunked."""
    padded = layer(file("text", b"words" * 9999), file("other", b"x"))
    ended = padded.rstrip(b"\0")
    built = build("packed:1", [ended + bytes(-len(ended) % 512 + 1024)])
    (tmp_path / "packed.tar").write_bytes(docker_archive(built))
    reference = f"{registry.name}/packed/{compression.replace(':', '-')}:1"
    command = ["skopeo", "copy", "--quiet", "--format=oci", "--dest-tls-verify=false", "--dest-compress"]
    command += [
        f"--dest-compress-format={compression}",
        f"docker-archive:{tmp_path}/packed.tar",
        f"docker://{reference}",
    ]
    subprocess.run(command, check=True, timeout=60)

    image = store.pull(reference)

    (there,) = store.layer_paths(image)
    assert (there / "text").read_bytes() == b"words" * 9999
    assert resolve(store.push(reference).reference).digest == image.manifest_digest


def test_another_registrys_password_goes_nowhere(store: ImageStore, registry: RunningRegistry) -> None:
    with pytest.raises(InvalidSpec, match="not the registry"):
        store.pull(f"{registry.name}/team/app", access=RegistryAccess("docker.io", Credentials("a", "b")))


def test_a_mirror_is_asked_first_and_the_registry_when_it_fails(
    store: ImageStore, registry: RunningRegistry, closed_registry: RunningRegistry, put: Put
) -> None:
    only_there = put(registry, "team/mirrored:1").replace(registry.name, closed_registry.name)
    access = replace(access_to(closed_registry), mirrors=(f"http://127.0.0.1:{free_port()}", f"http://{registry.name}"))
    assert store.pull(only_there, access=access).references == (only_there,)

    only_home = put(closed_registry, "team/at-home:1")
    assert only_home in store.pull(only_home, access=access).references


def test_what_is_not_there_and_who_does_not_answer_is_said(store: ImageStore, registry: RunningRegistry) -> None:
    with pytest.raises(NotFound, match="has not team/none:1"):
        store.pull(f"{registry.name}/team/none:1")
    with pytest.raises(Unreachable, match="does not answer"):
        store.pull(f"127.0.0.1:{free_port()}/team/none:1")
    assert store.list() == []


def test_a_digest_is_pulled_and_kept_as_the_name(store: ImageStore, registry: RunningRegistry, put: Put) -> None:
    digest = resolve(put(registry, "team/pinned:1")).digest
    reference = f"{registry.name}/team/pinned@{digest}"

    assert store.pull(reference).references == (reference,)
    with pytest.raises(NotFound):
        store.pull(f"{registry.name}/team/pinned@sha256:{'0' * 64}")


def test_a_platform_is_written_as_it_should_be(store: ImageStore, registry: RunningRegistry) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        store.pull(f"{registry.name}/team/app", platform="arm64")
    assert (refusal.value.field, refusal.value.hint) == ("platform", "Write it like linux/arm64/v8.")


def test_a_cancelled_pull_leaves_nothing(
    store: ImageStore, registry: RunningRegistry, put: Put, listing: Callable[[], set[str]]
) -> None:
    reference = put(registry, "team/cancelled:1")
    store.list()
    with pytest.raises(Cancelled):
        store.pull(reference, is_cancelled=lambda: True)
    assert store.list() == []
    assert not [path for path in listing() if "/staging/" in path or "blobs/sha256/" in path]


def test_what_is_pushed_is_pulled_by_others_and_not_uploaded_twice(
    store: ImageStore, closed_registry: RunningRegistry, load: Load
) -> None:
    access = access_to(closed_registry)
    (image,) = load(docker_archive(busybox("busybox:pushed")))
    target = f"{closed_registry.name}/team/pushed:1"

    pushed = store.push("busybox:pushed", reference=target, access=access)

    status, body = closed_registry.request("GET", "team/pushed/tags/list")
    assert (status, json.loads(body)["tags"]) == (200, ["1"])
    assert pushed.digest == resolve(target, access=access).digest
    told: list[tuple[Step, ...]] = []
    store.push("busybox:pushed", reference=target, access=access, progress=lambda steps: told.append(tuple(steps)))
    assert {step.phase for step in told[-1] if step.unit == "bytes"} == {"exists"}
    assert store.pull(target, access=access).id == image.id


def test_a_tag_that_moved_is_noticed_without_a_pull(store: ImageStore, registry: RunningRegistry, put: Put) -> None:
    reference = put(registry, "team/moving:1")
    store.pull(reference)

    first = store.check_update(reference)
    assert first.is_current
    put(registry, "team/moving:1", command=["true"])
    second = store.check_update(reference, known=first)

    assert not second.is_current
    assert second.digest != first.digest
    assert not store.check_update(reference, known=second).is_current
    store.pull(reference)
    assert store.check_update(reference, known=second).is_current


def test_a_late_mirror_hides_no_move_and_answers_where_the_registry_cannot(
    store: ImageStore, registry: RunningRegistry, put: Put, tmp_path: Path
) -> None:
    reference = put(registry, "team/mirrored:2")
    store.pull(reference)
    away = f"127.0.0.1:{free_port()}/team/mirrored:2"
    store.tag(reference, away)
    (tmp_path / "mirror").mkdir()
    with registry_running(tmp_path / "mirror") as mirror:
        put(mirror, "team/mirrored:2")
        put(registry, "team/mirrored:2", command=["true"])
        mirrors = (f"http://{mirror.name}",)

        assert not store.check_update(reference, access=RegistryAccess(registry.name, mirrors=mirrors)).is_current
        unreached = RegistryAccess(away.partition("/")[0], mirrors=mirrors)
        assert store.check_update(away, access=unreached).is_current


def test_the_same_image_by_another_way_is_no_newer_one(
    store: ImageStore, registry: RunningRegistry, put: Put, load: Load
) -> None:
    reference = put(registry, "team/loaded:1")
    load(docker_archive(busybox("busybox:put")))
    store.tag("busybox:put", reference)

    found = store.check_update(reference)

    assert found.digest != store.get(reference).manifest_digest
    assert found.is_current


def test_what_registries_have_an_image_as_is_remembered_and_found(
    store: ImageStore, registry: RunningRegistry, put: Put, tmp_path: Path
) -> None:
    reference = put(registry, "team/known:1")
    repository = reference.removesuffix(":1")
    digest = store.pull(reference).manifest_digest
    other = f"{registry.name}/team/other"
    store.push(reference, reference=f"{other}:1")

    store = ImageStore(tmp_path)
    image = store.get(f"{repository}@{digest}")
    assert image.digests == (f"{repository}@{digest}", f"{other}@{digest}")
    assert image.references == (reference,)
    assert store.get(f"{other}@{digest}") == image
    store.tag(reference, "here:1")
    assert store.remove(f"{other}@{digest}", users=dict).untagged == (f"{other}@{digest}",)
    assert store.remove(reference, users=dict).untagged == (reference, f"{repository}@{digest}")
    assert store.get("here:1").digests == ()
    with pytest.raises(NotFound):
        store.get(f"{repository}@{digest}")
