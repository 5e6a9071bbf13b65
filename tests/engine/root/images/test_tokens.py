"""Signing in at a registry that believes the tokens of another server: scopes, tokens that end, tokens refused."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import pytest

from engine.errors import Unauthorized
from engine.images import ImageStore, check_registry, resolve
from engine.images.documents import digest_of
from engine.images.reference import Reference
from engine.images.registry import RegistryClient, uploads
from engine.spec.registry import Credentials, RegistryAccess
from tests.engine.root.images.conftest import Load
from tests.images import busybox, docker_archive
from tests.services.answering import answering
from tests.services.registry import PASSWORD, USER, certificate, registry_running
from tests.services.token_server import IDENTITY, TokenServer


@dataclass(frozen=True)
class Site:
    """A registry, the server of its tokens, and an image the store has a name for there."""

    tokens: TokenServer
    name: str

    def access(self, credentials: Credentials | None = None) -> RegistryAccess:
        """How it is reached."""
        return RegistryAccess(self.name, credentials or Credentials(USER, PASSWORD))


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("tokens")
    server = TokenServer(certificate(folder))
    server.users[USER] = PASSWORD
    with answering(server.server), registry_running(folder, realm=server.realm) as registry:
        yield Site(server, registry.name)


@pytest.fixture
def site(running_site: Site) -> Site:
    running_site.tokens.asked.clear()
    running_site.tokens.public.clear()
    running_site.tokens.valid_s = 300
    return running_site


@pytest.fixture
def image(site: Site, store: ImageStore, load: Load) -> str:
    load(docker_archive(busybox("busybox:tokens")))
    reference = f"{site.name}/team/app:1"
    store.tag("busybox:tokens", reference)
    return reference


def test_each_token_is_asked_for_once_with_what_it_is_needed_for(site: Site, store: ImageStore, image: str) -> None:
    check_registry(site.access())
    pushed = store.push(image, access=site.access())
    other = ImageStore(store._layout.root / "other")

    assert other.pull(image, access=site.access()).manifest_digest == pushed.digest
    scopes = [scopes for method, user, scopes in site.tokens.asked if (method, user) == ("GET", USER)]
    assert scopes == [[], ["repository:team/app:pull,push"], ["repository:team/app:pull"]]


def test_who_shows_nothing_gets_what_everybody_gets(site: Site, store: ImageStore, image: str) -> None:
    store.push(image, access=site.access())
    nobody = RegistryAccess(site.name)
    with pytest.raises(Unauthorized, match="does not give everybody team/app:1"):
        resolve(image, access=nobody)

    site.tokens.public.add("team/app")

    assert resolve(image, access=nobody).digest
    store.tag(image, f"{site.name}/team/app:2")
    with pytest.raises(Unauthorized, match="does not give everybody"):
        store.push(f"{site.name}/team/app:2", access=nobody)


def test_an_identity_token_stands_for_name_and_password(site: Site, store: ImageStore, image: str) -> None:
    access = site.access(Credentials(identity_token=IDENTITY))

    assert store.push(image, access=access).digest == resolve(image, access=access).digest
    assert {method for method, _user, _scopes in site.tokens.asked} == {"POST"}


@pytest.mark.parametrize("credentials", [Credentials(USER, "wrong"), Credentials(identity_token="wrong")])
def test_wrong_credentials_are_refused_by_the_server_of_tokens(site: Site, credentials: Credentials) -> None:
    with pytest.raises(Unauthorized, match=f"{site.name} refuses .* a token"):
        check_registry(site.access(credentials))


def test_a_token_that_is_refused_is_not_asked_for_again_and_again(site: Site, image: str) -> None:
    site.tokens.valid_s = -1000

    with pytest.raises(Unauthorized, match=f"refuses {USER} team/app:1"):
        resolve(image, access=site.access())

    assert len(site.tokens.asked) == 1


def test_tokens_that_end_in_the_middle_are_asked_for_anew(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two chunks of an upload the tokens of that and of a download end."""
    monkeypatch.setattr(uploads, "CHUNK_BYTES", 1 << 20)
    content, reference = os.urandom(2 << 20), Reference.parse(f"{site.name}/team/long:1")
    opened: list[int] = []

    def open_part(start: int, size: int) -> BinaryIO:
        opened.append(start)
        if opened == [0, 1 << 20]:
            time.sleep(max(0, site.tokens.end_at - time.time()) + 0.1)
        return BytesIO(content[start : start + size])

    first = content[:100]
    with RegistryClient(site.access()) as client:
        uploads.BlobUpload(client, reference, digest_of(first), len(first), open_part).run([])
    opened.clear()
    site.tokens.asked.clear()
    site.tokens.valid_s = 2
    with RegistryClient(site.access()) as pushing, RegistryClient(site.access()) as pulling:
        assert pulling.blob(reference, digest_of(first))[0].read() == first
        uploads.BlobUpload(pushing, reference, digest_of(content), len(content), open_part).run([])
        assert pulling.blob(reference, digest_of(content))[0].read() == content

    asked = [scope for _method, _user, scopes in site.tokens.asked for scope in scopes]
    assert asked == [f"repository:team/long:{actions}" for actions in ("pull", "pull,push", "pull,push", "pull")]
    assert opened == [0, 1 << 20, 1 << 20, 2 << 20]  # the second was refused, and sent again; the end has no bytes
