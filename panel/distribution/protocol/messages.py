"""A request of a registry's client, and the three things it may be answered with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import parse_qs

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from panel.distribution.storage import Writer

JSON = "application/json"
BYTES = "application/octet-stream"


@dataclass(frozen=True)
class Call:
    """One request, without the bytes of a blob. `headers` have small letters, `query` may name a thing repeatedly.

    `origin` is the panel's address as the client wrote it; empty if that is not one the panel answers to.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    address: str
    origin: str
    body: bytes = b""

    @classmethod
    def from_scope(cls, scope: Any) -> "Call":
        """What the web server read of it."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        return cls(
            method=scope["method"],
            path=scope["path"],
            query=parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True),
            headers=headers,
            address=(scope.get("client") or ("",))[0],
            origin=_origin(scope.get("scheme", "http"), headers),
        )

    def asked(self, name: str) -> str:
        """A query parameter; empty if it is left out."""
        return self.query.get(name, [""])[-1]


def _origin(scheme: str, headers: Mapping[str, str]) -> str:
    """As Django's `HttpRequest.build_absolute_uri` would have it."""
    host = headers.get("host", "")
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return ""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, secure = settings.SECURE_PROXY_SSL_HEADER
        told = headers.get(name.removeprefix("HTTP_").replace("_", "-").lower())
        scheme = "https" if told == secure else scheme
    return f"{scheme}://{host}"


@dataclass(frozen=True)
class Answer:
    """A whole answer. HEAD has a body here too, of which only the length is sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""


@dataclass(frozen=True)
class FileAnswer:
    """`length` bytes of a file from `offset` on. Whoever sends it closes the file."""

    status: int
    file: BinaryIO
    offset: int
    length: int
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Receiving:
    """The body is to be written; `finish` answers when all of it is, `abandon` forgets the upload.

    `expected` bytes are to come, if that is said.
    """

    writer: Writer
    finish: Callable[[], Answer]
    abandon: Callable[[], None]
    expected: int | None = None


Reply = Answer | FileAnswer | Receiving


def document(status: int, value: Any, headers: Mapping[str, str] | None = None, content_type: str = JSON) -> Answer:
    """JSON."""
    return Answer(status, json.dumps(value).encode(), headers or {}, content_type)
