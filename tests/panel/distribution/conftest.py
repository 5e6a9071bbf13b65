"""Clients of the panel's registry, and what they push."""

import base64
import hashlib
import http.client
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from panel.accounts.models import Token, User
from panel.distribution.documents import MANIFEST
from panel.distribution.folder import storage
from tests.services.distribution import Server, registry_server

__all__ = ["registry_server"]

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Reply:
    """An answer. `headers` have small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def word(self) -> str:
        """The code of the first error."""
        return str(self.json["errors"][0]["code"])


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """As the registry has to compute it."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


class Client:
    """Talks to the registry as `user`, by name and API token; as nobody without one."""

    def __init__(self, server: Server, user: User | None, *scopes: str) -> None:
        self.address, self.authorization, self.secret = server.address, "", ""
        if user is not None:
            _row, self.secret = Token.objects.create(user=user, name="registry", scopes=list(scopes))
            self.authorization = basic(user.username, self.secret)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request; a header `content_type` is `Content-Type`."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.authorization and "authorization" not in told:
            told["authorization"] = self.authorization
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, body, told)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def begin(self, name: str = "olga/app") -> str:
        """Start an upload; its address."""
        answer = self.ask("POST", f"/v2/{name}/blobs/uploads/")
        assert answer.status == 202, answer
        return answer.headers["location"]

    def push_blob(self, content: bytes, name: str = "olga/app") -> str:
        """In one request; its digest."""
        digest = digest_of(content)
        answer = self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", content)
        assert answer.status == 201, answer
        return digest

    def push_manifest(
        self, manifest: Any, reference: str = "", name: str = "olga/app", media_type: str = MANIFEST
    ) -> Reply:
        """By tag, or by its digest."""
        content = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        return self.ask(
            "PUT", f"/v2/{name}/manifests/{reference or digest_of(content)}", content, content_type=media_type
        )

    def push_image(self, tag: str, layer: bytes = b"layer", name: str = "olga/app", **members: Any) -> str:
        """An image of one layer; its digest."""
        answer = self.push_manifest(self.image(layer, name, **members), tag, name)
        assert answer.status == 201, answer
        return answer.headers["docker-content-digest"]

    def image(self, layer: bytes = b"layer", name: str = "olga/app", **members: Any) -> dict[str, Any]:
        """The manifest of an image whose blobs are pushed."""
        config = json.dumps({"os": "linux", "architecture": "amd64"}).encode()
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": self.push_blob(config, name), "size": len(config)},
            "layers": [{"mediaType": LAYER, "digest": self.push_blob(layer, name), "size": len(layer)}],
        } | members


def basic(name: str, secret: str) -> str:
    """The header `Authorization`."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.fixture(autouse=True)
def _empty_storage() -> Iterator[None]:
    """No blob of one test is there in the next."""
    yield
    for folder in (storage().uploading, *(storage().root / "blobs").iterdir()):
        shutil.rmtree(folder)
        folder.mkdir()


@pytest.fixture
def nobody(registry_server: Server) -> Client:
    """Somebody who has not signed in."""
    return Client(registry_server, None)


@pytest.fixture
def olga(registry_server: Server, operator: User) -> Client:
    """An operator: may push to olga/…"""
    return Client(registry_server, operator)


@pytest.fixture
def vera(registry_server: Server, viewer: User) -> Client:
    """A viewer: may pull."""
    return Client(registry_server, viewer)


@pytest.fixture
def stan(registry_server: Server, stranger: User) -> Client:
    """May sign in, and nothing else."""
    return Client(registry_server, stranger)


@pytest.fixture
def ada(registry_server: Server, admin: User) -> Client:
    """An admin: may do everything everywhere."""
    return Client(registry_server, admin)
