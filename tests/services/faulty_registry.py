"""A little registry on loopback that does wrong what a test asks it to: cuts, wrong bytes, refusals, silence."""

import gzip
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from engine.spec.image import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from tests.images.build import Built
from tests.services.answering import answering

_PIECE = 16 << 10


class FaultyRegistry:
    """Serves one repository, `app`. Every fault is an attribute that may be changed at any time.

    `statuses` answers paths that hold a text with a status; `cut_after` ends a blob's answer after so many bytes, as
    often as `cuts` says; `hold` lets blobs wait, each after `hold_after` bytes; `requests` is what was asked: method,
    path, first byte.
    """

    def __init__(self) -> None:
        self.contents: dict[str, tuple[str, bytes]] = {}
        self.statuses: dict[str, int] = {}
        self.headers: Mapping[str, str] = {}
        self.cut_after, self.cuts = 0, 0
        self.has_ranges = True
        self.hold = threading.Event()
        self.hold.set()
        self.hold_after = 0
        self.requests: list[tuple[str, str, int]] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.name = f"127.0.0.1:{self._server.server_port}"

    @property
    def blob_requests(self) -> list[tuple[str, int]]:
        """Path and first byte of every request for a blob."""
        return [(path, start) for method, path, start in self.requests if method == "GET" and "/blobs/" in path]

    def put(self, built: Built, tag: str = "1", *, is_compressed: bool = True, **manifest: Any) -> str:
        """Have the image under this tag, its manifest changed by what is given; its reference."""
        layers = [gzip.compress(layer, 1, mtime=0) if is_compressed else layer for layer in built.layers]
        suffix = "+gzip" if is_compressed else ""
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob(OCI_CONFIG, built.config),
            "layers": [self.blob(OCI_LAYER + suffix, layer) for layer in layers],
        }
        data = json.dumps(document | manifest).encode()
        self.contents[f"/v2/app/manifests/{tag}"] = (document["mediaType"], data)
        return f"{self.name}/app:{tag}"

    def blob(self, media_type: str, data: bytes) -> dict[str, Any]:
        """Have the blob; its descriptor."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.contents[f"/v2/app/blobs/{digest}"] = ("application/octet-stream", data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def close(self) -> None:
        """Free the port of one that never answered."""
        self._server.server_close()

    @contextmanager
    def running(self) -> Iterator["FaultyRegistry"]:
        """Answer until the block ends."""
        with answering(self._server):
            try:
                yield self
            finally:
                self.hold.set()

    def _handler(registry) -> type[BaseHTTPRequestHandler]:  # noqa: N805  # `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                registry.answer(self)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        found = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        self.requests.append((handler.command, handler.path, start))
        status = next((status for text, status in self.statuses.items() if text in handler.path), 200)
        if status != 200 or handler.path not in self.contents:
            self._refuse(handler, status if status != 200 else 404)
            return
        media_type, data = self.contents[handler.path]
        is_part = bool(start) and self.has_ranges
        part = data[start:] if is_part else data
        handler.send_response(206 if is_part else 200)
        handler.send_header("Content-Type", media_type)
        handler.send_header("Content-Length", str(len(part)))
        handler.end_headers()
        if handler.command == "GET":
            with suppress(ConnectionError):
                self._send(handler, part)

    def _send(self, handler: BaseHTTPRequestHandler, data: bytes) -> None:
        is_blob = "/blobs/" in handler.path
        with self.lock:
            self.at_once += is_blob
            self.most_at_once = max(self.most_at_once, self.at_once)
            is_cut = is_blob and self.cuts > 0 and len(data) > self.cut_after
            self.cuts -= is_cut
        end = self.cut_after if is_cut else len(data)
        for begin in range(0, end, _PIECE):
            if is_blob and begin >= self.hold_after:
                self.hold.wait(60)
            handler.wfile.write(data[begin : min(begin + _PIECE, end)])
        if is_cut:
            handler.close_connection = True
        with self.lock:
            self.at_once -= is_blob

    def _refuse(self, handler: BaseHTTPRequestHandler, status: int) -> None:
        body = json.dumps({"errors": [{"code": "BECAUSE", "message": "the test says so"}]}).encode()
        handler.send_response(status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body)
