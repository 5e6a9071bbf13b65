"""Images made from a distribution's mirror: real packages, signed by a key of the test's own, served on loopback."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from engine import BootstrapSpec, Cancelled, Conflict, ContainerSpec, EngineError, InvalidSpec, Step
from engine.bootstrap import first_stage
from engine.bootstrap.bootstrap import container_of
from tests.images.debian import SUITE
from tests.services.host import Host
from tests.services.mirror import Mirror, mirror, sign


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    with mirror(tmp_path_factory.mktemp("mirror")) as made:
        yield made


@pytest.fixture
def spec(served: Mirror, monkeypatch: pytest.MonkeyPatch) -> BootstrapSpec:
    monkeypatch.setattr(first_stage, "KEYRING_FOLDERS", (served.keyring.parent,))
    return BootstrapSpec(reference="debian:own", suite=SUITE, mirror=served.url, keyring=served.keyring.name)


def left(host: Host) -> tuple[list[str], list[str], list[str]]:
    """Names of images, ids of containers, folders of work under way."""
    images = [name for image in host.engine.images() for name in image.references]
    staging = host.home / "images/staging"
    return images, [state.id for state in host.engine.states()], os.listdir(staging) if staging.exists() else []


def test_a_distribution_becomes_an_image(host: Host, spec: BootstrapSpec) -> None:
    before = left(host)
    told: list[Sequence[Step]] = []

    image = host.engine.bootstrap(spec, progress=told.append)

    assert image.references == ("docker.io/library/debian:own",)
    assert [layer.size_bytes for layer in image.layers] == [image.size_bytes]
    assert {step.name: step.status for step in told[-1]}.items() >= {("configure packages", "done")}
    script = "apt-get check >/dev/null && cat /etc/debian_version /etc/apt/sources.list && ls -d /debootstrap"
    ended, output = host.finish("bash", "-c", script, image="debian:own")
    assert ended.exit_code == 2, output
    assert f"deb {spec.mirror} {SUITE} main" in output
    host.engine.remove_image("debian:own", force=True)
    images, containers, staging = left(host)
    assert (images, staging) == (before[0], [])
    assert set(containers) - set(before[1]) == {ended.id}


def test_a_mirror_that_somebody_else_signed_is_refused(host: Host, spec: BootstrapSpec, tmp_path: Path) -> None:
    before = left(host)
    sign(tmp_path, tmp_path / "gpg", first_stage.KEYRING_FOLDERS[0] / "other.gpg")

    with pytest.raises(Conflict, match="signed by unknown key") as refused:
        host.engine.bootstrap(replace(spec, keyring="other.gpg"))

    assert refused.value.hint == "Name the keyring that signs this mirror."
    assert left(host) == before


def test_a_package_that_was_altered_is_refused(host: Host, spec: BootstrapSpec, served: Mirror) -> None:
    package = next(served.folder.glob("pool/base-files_*.deb"))
    whole = package.read_bytes()
    package.unlink()  # a link to what is kept for other tests
    package.write_bytes(whole[:-1] + b"x")
    before = left(host)
    try:
        with pytest.raises(Conflict, match="base-files"):
            host.engine.bootstrap(spec)
    finally:
        package.write_bytes(whole)
    assert left(host) == before


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"suite": "neverland"}, InvalidSpec, "suite: .* no suite neverland"),
        ({"keyring": "none.gpg"}, InvalidSpec, "keyring: this host has no keyring none.gpg"),
        ({"mirror": "http://127.0.0.1:9/debian"}, Conflict, "could not fetch bookworm from http://127.0.0.1:9/debian"),
        ({"components": ("nothing",)}, Conflict, "could not fetch"),
        ({"packages": ("no-such-package",)}, Conflict, "no-such-package"),
        ({"reference": "No Reference"}, InvalidSpec, "reference"),
    ],
)
def test_what_cannot_be_is_told(
    host: Host, spec: BootstrapSpec, changes: dict[str, object], error: type[EngineError], told: str
) -> None:
    before = left(host)
    with pytest.raises(error, match=told):
        host.engine.bootstrap(replace(spec, **changes))  # type: ignore[arg-type]  # fields of the specification
    assert left(host) == before


def test_it_can_be_taken_back_while_a_package_is_on_its_way(host: Host, spec: BootstrapSpec) -> None:
    before = left(host)
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        host.engine.bootstrap(spec, is_cancelled=lambda: time.monotonic() > begun + 2)
    assert left(host) == before


def test_what_a_killed_one_left_is_taken_away(host: Host) -> None:
    before = left(host)
    scratch = str(uuid4())
    reference = f"moorage.invalid/bootstrap:{scratch}"
    host.engine.tag_image(host.engine.images()[0].id, reference)
    container = container_of(scratch)
    host.engine.create(container, ContainerSpec(name="bootstrap", image="busybox:test", command=("sleep", "60")))
    host.engine.start(container)
    assert reference in left(host)[0]

    host.engine.repair()

    assert left(host) == before


def test_one_at_work_is_left_alone(host: Host) -> None:
    with host.engine._runtime.images.scratch() as folder:
        reference = f"moorage.invalid/bootstrap:{folder.name}"
        host.engine.tag_image(host.engine.images()[0].id, reference)
        host.engine.repair()
        assert reference in left(host)[0]
    host.engine.repair()
    assert reference not in left(host)[0]
