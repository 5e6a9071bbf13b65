"""Brings one blob to a registry: mounted from another repository there, in one piece, or in chunks that resume.

OCI distribution specification 1.1, "Pushing blobs" and "Mounting a blob from another repository".
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlencode, urlsplit

from engine.errors import EngineError, NotFound, RegistryError, Unauthorized, Unreachable
from engine.images.reference import Reference
from engine.images.registry.client import RegistryClient, Request
from engine.images.registry.transport import Response

CHUNK_BYTES = 64 << 20
"""Up to this size a blob goes in one piece."""
MOST_FAILURES = 4
"""Chunks that may fail in a row."""
MOST_BEGINNINGS = 4
"""Times one blob's upload is begun."""
_FIRST_PAUSE_S = 0.2
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")


@dataclass
class BlobUpload:
    """One blob of `size` bytes; `open_part` opens so many bytes of it from a byte on, maybe more than once."""

    client: RegistryClient
    reference: Reference
    digest: str
    size: int
    open_part: Callable[[int, int], BinaryIO]
    _failures: int = 0

    def run(self, mountable_from: Sequence[str]) -> bool:
        """Bring it there; false if it only had to be mounted from one of these repositories of the registry.

        Raises as the client.
        """
        location = ""
        for source in mountable_from:
            is_mounted, location = self._mount(source)
            if is_mounted:
                return False
        for beginning in range(1, MOST_BEGINNINGS + 1):
            try:
                location = location or self._begin()
                self._send_all(location)
                return True
            except (NotFound, RegistryError, Unreachable) as error:
                if beginning == MOST_BEGINNINGS or not _is_passing(error, is_begun=bool(location)):
                    raise
            location = ""
            time.sleep(_FIRST_PAUSE_S * (1 << beginning))
            if self.client.has_blob(self.reference, self.digest):  # only the answer was lost
                return True
        raise AssertionError("the last failure was raised")  # pragma: no cover

    def _send_all(self, location: str) -> None:
        """Into the upload at `location`, which has nothing yet."""
        position = 0
        if self.size > CHUNK_BYTES:
            while position < self.size:
                location, position = self._send_chunk(location, position)
        location += ("&" if urlsplit(location).query else "?") + urlencode({"digest": self.digest})
        self._send("PUT", location, position, self.size)

    def _mount(self, source: str) -> tuple[bool, str]:
        """Whether it is mounted; if not, where the upload is that the registry has begun instead, if it has.

        Registries may refuse what this user may not read there, which is no reason to give up.
        """
        scope = f"{self._scope} repository:{source}:pull"
        path = f"{self._uploads}?{urlencode({'mount': self.digest, 'from': source})}"
        try:
            answer = self.client.ask_home(Request("POST", path, scope, {"Content-Length": "0"}, self._what))
        except (NotFound, Unauthorized):
            return False, ""
        return answer.status == 201, self._location(answer, self._uploads)

    def _begin(self) -> str:
        answer = self.client.ask_home(Request("POST", self._uploads, self._scope, {"Content-Length": "0"}, self._what))
        return self._location(answer, self._uploads)

    def _send_chunk(self, location: str, position: int) -> tuple[str, int]:
        """Where to go on, and from which byte: behind the chunk, or where the registry has lost it."""
        end = min(position + CHUNK_BYTES, self.size)
        try:
            answer = self._send("PATCH", location, position, end)
        except (RegistryError, Unreachable):
            self._failures += 1
            if self._failures > MOST_FAILURES:
                raise
            time.sleep(_FIRST_PAUSE_S * (1 << self._failures))
            return self._ask(location)
        self._failures = 0
        return self._location(answer, location), end

    def _send(self, method: str, location: str, start: int, end: int) -> Response:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(end - start)}
        if method == "PATCH":
            headers["Content-Range"] = f"{start}-{end - 1}"
        request = Request(
            method,
            location,
            self._scope,
            headers,
            self._what,
            lambda: self.open_part(start, end - start),
            is_repeatable=False,
        )
        answer = self.client.ask_home(request)
        answer.drain_conn()
        return answer

    def _ask(self, location: str) -> tuple[str, int]:
        """How much the registry has: `Range` tells the last byte, and says nothing of an upload without any."""
        answer = self.client.ask_home(Request("GET", location, self._scope, {}, self._what))
        found = _RANGE.fullmatch(answer.headers.get("Range", ""))
        last = int(found[1]) if found else 0
        return self._location(answer, location), last + 1 if last else 0

    def _location(self, answer: Response, path: str) -> str:
        answer.drain_conn()
        return self.client.at_home(path, answer.headers.get("Location", ""))

    @property
    def _scope(self) -> str:
        return f"repository:{self.reference.path}:pull,push"

    @property
    def _uploads(self) -> str:
        return f"{self.reference.path}/blobs/uploads/"

    @property
    def _what(self) -> str:
        return f"to take a blob for {self.reference.path}"


def _is_passing(error: EngineError, *, is_begun: bool) -> bool:
    """Whether the upload may succeed once it is begun again: its connection was cut, the registry is ill, or has lost
    the upload or a part of it."""
    if isinstance(error, RegistryError):
        return error.status >= 500 or error.status == 416
    return is_begun or isinstance(error, Unreachable)
