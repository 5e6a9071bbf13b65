"""Signs in at registries: Basic (RFC 7617), and the tokens of the distribution project's token protocol.

A registry answers 401 and says in `WWW-Authenticate` what it wants: a password with each request, or a token that
another service gives out for a scope such as `repository:library/busybox:pull`.
"""

import json
import re
import threading
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from engine.errors import RegistryError, Unauthorized
from engine.images.registry import answers
from engine.images.registry.endpoints import Endpoint
from engine.images.registry.transport import AGENT, Response, Transport
from engine.spec.registry import Credentials, RegistryAccess

_CHALLENGE = re.compile(r"(?:^|,\s*)(Basic|Bearer)(?:\s+|$)", re.IGNORECASE)
_PARAMETER = re.compile(r'([a-z]+)=(?:"([^"]*)"|([^",\s]+))', re.IGNORECASE)
MOST_TOKEN_BYTES = 256 << 10


@dataclass(frozen=True)
class Challenge:
    """One way to sign in: `scheme` is `basic` or `bearer`."""

    scheme: str
    parameters: dict[str, str]


def challenges(header: str) -> list[Challenge]:
    """Those of a header `WWW-Authenticate` that are known here."""
    found = list(_CHALLENGE.finditer(header))
    ends = [*(match.start() for match in found[1:]), len(header)][: len(found)]
    return [
        Challenge(match[1].lower(), _parameters(header[match.end() : end]))
        for match, end in zip(found, ends, strict=True)
    ]


def _parameters(text: str) -> dict[str, str]:
    return {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(text)}


@dataclass
class Authenticator:
    """Keeps what was learnt: how each endpoint wants to be signed in at, and the tokens for each scope."""

    access: RegistryAccess
    transport: Transport
    _known: dict[tuple[Endpoint, str], str] = field(default_factory=dict)
    _learning: threading.Lock = field(default_factory=threading.Lock)

    def headers(self, endpoint: Endpoint, scope: str) -> dict[str, str]:
        """What a request for `scope` has to say, as far as it is known yet."""
        known = self._known.get((endpoint, scope))
        return {"Authorization": known} if known else {}

    @property
    def signs_in_as(self) -> str:
        """Who signs in, for messages."""
        credentials = self.access.credentials
        return (credentials.username or "the holder of the token") if credentials else ""

    def learn(self, endpoint: Endpoint, scope: str, response: Response, tried: Mapping[str, str]) -> bool:
        """After a 401 to a request that said `tried`: get what it asks for; false if there is nothing else to say.

        Of several at once only the first asks for a token. Raises as the client does.
        """
        with self._learning:
            if self.headers(endpoint, scope) == tried:
                self._ask(endpoint, scope, response)
        return self.headers(endpoint, scope) != tried

    def _ask(self, endpoint: Endpoint, scope: str, response: Response) -> None:
        wanted = {one.scheme: one for one in challenges(response.headers.get("WWW-Authenticate", ""))}
        credentials = self.access.credentials if endpoint.is_home else None
        if bearer := wanted.get("bearer"):
            said = f"Bearer {self._token(bearer.parameters, endpoint, scope, credentials)}"
        elif "basic" in wanted and credentials and credentials.password:
            said = _basic(credentials)
        else:
            return
        self._known[endpoint, scope] = said

    def _token(self, told: dict[str, str], endpoint: Endpoint, scope: str, credentials: Credentials | None) -> str:
        realm = told.get("realm", "")
        self._check_realm(realm, endpoint, credentials)
        question = {"service": told.get("service", ""), "scope": scope or told.get("scope", "")}
        question = {name: value for name, value in question.items() if value}
        headers: dict[str, str] = {"Accept": "application/json"}
        method, body = "GET", None
        if credentials and credentials.identity_token:
            method, body = "POST", urlencode(question | _refresh(credentials)).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        else:
            realm += ("&" if "?" in realm else "?") + urlencode(
                question | {"scope": question.get("scope", "").split()}, doseq=True
            )
            if credentials:
                headers["Authorization"] = _basic(credentials)
        response = self.transport.send(method, realm, headers=headers, is_verified=endpoint.is_verified, body=body)
        if response.status != 200:
            raise answers.failure(response, "a token", self.access.registry, signed_in_as=self.signs_in_as)
        return _token_in(answers.body(response, MOST_TOKEN_BYTES, "the token"))

    def _check_realm(self, realm: str, endpoint: Endpoint, credentials: Credentials | None) -> None:
        """A password that goes to the registry by verified TLS goes nowhere else in plain."""
        scheme = urlsplit(realm).scheme
        if scheme not in ("http", "https"):
            raise RegistryError(f"{self.access.registry} names no address that gives out tokens", status=401)
        if credentials and scheme == "http" and endpoint.url.startswith("https:") and endpoint.is_verified:
            raise Unauthorized(
                f"{self.access.registry} wants the password to be sent in plain to {urlsplit(realm).netloc}",
                hint="Nothing was sent. If that is meant, allow the registry to be insecure.",
            )


def _basic(credentials: Credentials) -> str:
    return f"Basic {b64encode(f'{credentials.username}:{credentials.password}'.encode()).decode()}"


def _refresh(credentials: Credentials) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": credentials.identity_token, "client_id": AGENT}


def _token_in(body: bytes) -> str:
    try:
        value: Any = json.loads(body)
        token = value.get("token") or value.get("access_token")
    except (ValueError, AttributeError):
        token = None
    if not isinstance(token, str) or not token.isprintable():
        raise RegistryError("the answer to a request for a token holds none", status=200)
    return token
