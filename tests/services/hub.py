"""Docker Hub as it answers, on loopback: tokens from another host, blobs from a third, and only so many pulls.

It is reached through a proxy of the tests' own, since the hosts have Hub's names (docs.docker.com, "Docker Hub pull
usage and limits").
"""

import hashlib
import json
import ssl
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from engine.spec.image import DOCKER_MANIFEST
from tests.images.build import Built
from tests.services.faulty_registry import FaultyRegistry

REGISTRY, AUTH, BLOBS = "registry-1.docker.io", "auth.docker.io", "production.cloudflare.docker.com"
HOSTS = (REGISTRY, AUTH, BLOBS)
LIMIT_WORDS = "You have reached your unauthenticated pull rate limit."
_CHALLENGE = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:{}:pull"'


class Hub:
    """Has `library/busybox:latest`. `left` pulls are allowed; `asked` is host, method and path of every request.

    `users` are passwords by name, `signed_in` who asked for tokens, and for what.
    """

    def __init__(self, certificate: dict[str, str], built: Built) -> None:
        self.left, self.users = 100, {"hana": "secret"}
        self.asked: list[tuple[str, str, str]] = []
        self.signed_in: list[tuple[str, str]] = []
        registry = FaultyRegistry()
        registry.put(built, "latest")
        registry.close()
        found = {path: data for path, (_type, data) in registry.contents.items()}
        self._contents = {path.replace("/app/", "/library/busybox/"): data for path, data in found.items()}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate["certificate"], certificate["key"])
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = ("127.0.0.1", self.server.server_port)

    def _handler(hub) -> type[BaseHTTPRequestHandler]:  # noqa: N805  # `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                host, authorization = self.headers["Host"], self.headers.get("Authorization", "")
                hub.asked.append((host, self.command, self.path))
                answers = {AUTH: hub.token, REGISTRY: hub.registry, BLOBS: hub.blob}
                status, headers, body = answers[host](self.command, self.path, authorization)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler

    def token(self, method: str, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        """`auth.docker.io`."""
        scheme, _, value = authorization.partition(" ")
        user, _, password = b64decode(value).decode().partition(":") if scheme == "Basic" else ("", "", "")
        question = parse_qs(urlsplit(path).query)
        self.signed_in.append((user, question["scope"][0]))
        if self.users.get(user, "") != password or question["service"] != ["registry.docker.io"]:
            return 401, {}, b'{"details":"incorrect username or password"}'
        token = f"for {question['scope'][0]}"
        return 200, {}, json.dumps({"token": token, "access_token": token, "expires_in": 300}).encode()

    def registry(self, method: str, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        """`registry-1.docker.io`; of what is not there it says what it says of what is private."""
        name = path.removeprefix("/v2/").partition("/manifests/")[0].partition("/blobs/")[0]
        if authorization != f"Bearer for repository:{name}:pull" or path not in self._contents:
            challenge = _CHALLENGE.format(name) + (',error="insufficient_scope"' if authorization else "")
            return 401, {"WWW-Authenticate": challenge}, _errors("UNAUTHORIZED", "authentication required")
        if "/blobs/" in path:
            return 307, {"Location": f"https://{BLOBS}{path}?verify=a-key"}, b""
        limits = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": f"{self.left};w=21600"}
        if not self.left:
            return 429, limits, _errors("TOOMANYREQUESTS", LIMIT_WORDS)
        self.left -= method == "GET"
        digest = f"sha256:{hashlib.sha256(self._contents[path]).hexdigest()}"
        told = {"Content-Type": DOCKER_MANIFEST, "docker-content-digest": digest}
        return 200, limits | told, self._contents[path]

    def blob(self, method: str, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        """Signed addresses take no other credentials."""
        return (400, {}, b"") if authorization else (200, {}, self._contents[path.partition("?")[0]])


def _errors(code: str, message: str) -> bytes:
    value: dict[str, Any] = {"errors": [{"code": code, "message": message, "detail": None}]}
    return json.dumps(value).encode()
