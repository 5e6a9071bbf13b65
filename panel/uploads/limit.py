"""Bounds what anybody may send: Django writes a whole body to disk before any view sees who sends it.

Only uploads are longer, and `panel/uploads/asgi.py` takes those before they come here.
"""

import json
from typing import Any

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from panel.operations.waiting import header
from panel.rest.problems import CONTENT_TYPE, Problem

LONGEST_BYTES = 4 << 20


class BodyLimit:
    """The ASGI application: `inner`, unless the request's body is too long. One without a length is cut off."""

    def __init__(self, inner: ASGI3Application, longest_bytes: int = LONGEST_BYTES) -> None:
        self._inner = inner
        self._longest = longest_bytes

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer 413 to a body that says it is too long; end one that becomes too long as if its sender had gone."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        length = header(scope["headers"], "content-length") or "0"
        if not length.isdigit() or int(length) > self._longest:
            await self._refuse(scope["path"], send)
            return
        await self._inner(scope, self._bounded(receive), send)

    def _bounded(self, receive: ASGIReceiveCallable) -> ASGIReceiveCallable:
        taken = 0

        async def bounded() -> Any:
            nonlocal taken
            event: Any = await receive()
            taken += len(event.get("body", b""))
            return event if taken <= self._longest else {"type": "http.disconnect"}

        return bounded

    async def _refuse(self, path: str, send: ASGISendCallable) -> None:
        problem = Problem(413, "too-large", f"A request's body may have {self._longest} bytes.")
        body = json.dumps(problem.to_json(path)).encode()
        headers = [
            (b"content-type", CONTENT_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})
