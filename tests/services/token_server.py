"""A server that gives out tokens for Debian's docker-registry, signed by a key of its own (JWT, RFC 7519; x5c).

Distribution project, "Token Authentication Implementation".
"""

import json
import ssl
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SERVICE, ISSUER = "registry under test", "the tests"
LEEWAY_S = 60
"""For so long docker-registry still takes a token that has ended."""
IDENTITY = "an-identity-token"


class TokenServer:
    """Every attribute may be changed at any time. `valid_s` is how long tokens are really taken, up to a second
    less; the last one until `end_at`.

    `users` are passwords by name, `public` what anybody gets; who signed in gets all they ask for. `asked` is each
    question: method, who asked, scopes.
    """

    def __init__(self, certificate: dict[str, str]) -> None:
        key = load_pem_private_key(Path(certificate["key"]).read_bytes(), None)
        assert isinstance(key, EllipticCurvePrivateKey)
        self._key = key
        self._chain = [b64encode(ssl.PEM_cert_to_DER_cert(Path(certificate["certificate"]).read_text())).decode()]
        self.users: dict[str, str] = {}
        self.public: set[str] = set()
        self.valid_s, self.end_at = 300.0, 0
        self.asked: list[tuple[str, str, list[str]]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.realm = f"http://127.0.0.1:{self.server.server_port}/token"

    def token(self, user: str, scopes: list[str]) -> str:
        """Signed, for those of the scopes that this user may have."""
        self.end_at = int(time.time() + self.valid_s)
        told = self.end_at - LEEWAY_S
        claims = {"iss": ISSUER, "sub": user, "aud": SERVICE, "exp": told, "nbf": 0, "iat": 0, "jti": "x"}
        claims |= {"access": [self._granted(user, scope) for scope in scopes]}
        signed = f"{_coded({'typ': 'JWT', 'alg': 'ES256', 'x5c': self._chain})}.{_coded(claims)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ECDSA(SHA256())))
        return f"{signed}.{_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def _granted(self, user: str, scope: str) -> dict[str, Any]:
        kind, name, actions = scope.split(":")
        public = {"pull"} if name in self.public else set()
        granted = [action for action in actions.split(",") if user or action in public]
        return {"type": kind, "name": name, "actions": granted}

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805  # `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                question = parse_qs(urlsplit(self.path).query)
                scheme, _, value = self.headers.get("Authorization", "").partition(" ")
                name, _, password = b64decode(value).decode().partition(":") if scheme == "Basic" else ("", "", "")
                self._answer(question, name, is_refused=server.users.get(name, "") != password)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                is_refused = form["refresh_token"] != [IDENTITY] or form["grant_type"] != ["refresh_token"]
                self._answer(form, "holder", is_refused=is_refused or not form["client_id"][0])

            def _answer(self, question: dict[str, list[str]], user: str, *, is_refused: bool) -> None:
                scopes = " ".join(question.get("scope", [])).split()
                server.asked.append((self.command, user, scopes))
                is_refused = is_refused or question.get("service") != [SERVICE]
                told = {"details": "no such user"} if is_refused else {"access_token": server.token(user, scopes)}
                body = json.dumps(told).encode()
                self.send_response(401 if is_refused else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


def _coded(value: Any) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
