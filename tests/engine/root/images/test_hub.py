"""Docker Hub's ways: short names, tokens and blobs of other hosts, limits for pulls."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import RateLimited, Unauthorized
from engine.images import ImageStore, resolve
from engine.spec.registry import Credentials, RegistryAccess
from tests.images import busybox
from tests.services.answering import answering
from tests.services.hub import AUTH, HOSTS, LIMIT_WORDS, REGISTRY, Hub
from tests.services.proxy import Proxy
from tests.services.registry import certificate


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    (tmp_path / "hub").mkdir()
    hub = Hub(certificate(tmp_path / "hub", *HOSTS), busybox("busybox:hub"))
    proxy = Proxy({f"{host}:443": hub.address for host in HOSTS})
    with answering(hub.server), proxy.running():
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        yield hub


@pytest.fixture
def access(hub: Hub, tmp_path: Path) -> RegistryAccess:
    return RegistryAccess("docker.io", ca_certificates=(tmp_path / "hub/ca.pem").read_text())


def test_anybody_pulls_an_official_image_by_its_short_name(hub: Hub, access: RegistryAccess, store: ImageStore) -> None:
    image = store.pull("busybox", access=access)

    assert image.references == ("docker.io/library/busybox:latest",)
    assert image.id == busybox("busybox:hub").id
    assert hub.signed_in == [("", "repository:library/busybox:pull")]
    assert {host for host, _method, _path in hub.asked} == set(HOSTS)
    assert (hub.left, resolve("busybox", access=access).digest) == (99, image.manifest_digest)
    assert hub.left == 99  # to ask is no pull


def test_the_password_goes_to_the_server_of_tokens_alone(hub: Hub, access: RegistryAccess, store: ImageStore) -> None:
    known = RegistryAccess("docker.io", Credentials("hana", "secret"), access.ca_certificates)

    store.pull("docker.io/library/busybox", access=known)

    assert {user for user, _scope in hub.signed_in} == {"hana"}
    wrong = RegistryAccess("docker.io", Credentials("hana", "wrong"), access.ca_certificates)
    with pytest.raises(Unauthorized, match=r"docker\.io refuses hana a token"):
        resolve("busybox", access=wrong)


def test_when_pulls_are_used_up_it_is_said_how_many_there_are(hub: Hub, access: RegistryAccess) -> None:
    hub.left = 0

    with pytest.raises(RateLimited) as limited:
        resolve("busybox", access=access)
    assert limited.value.hint == "It allows 100 pulls in 6 hours. Ask again later. Who signs in may more."


def test_the_words_of_a_pull_that_is_one_too_many(hub: Hub, access: RegistryAccess, store: ImageStore) -> None:
    hub.left = 0

    with pytest.raises(RateLimited) as limited:
        store.pull("busybox", access=access)

    assert limited.value.message == f"docker.io was asked too often: {LIMIT_WORDS} (TOOMANYREQUESTS)"
    assert store.list() == []


def test_what_is_private_or_not_there_is_asked_for_once(hub: Hub, access: RegistryAccess) -> None:
    with pytest.raises(Unauthorized) as refused:
        resolve("somebody/private", access=access)

    assert refused.value.message.startswith("docker.io does not give everybody somebody/private:latest")
    assert "does not exist" in refused.value.hint
    assert [host for host, _method, _path in hub.asked] == [REGISTRY, AUTH, REGISTRY]
