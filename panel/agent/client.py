"""The panel's side of the host agent: HTTP over its unix socket, streams at the slower end's pace."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

NO_TOTAL_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=5)


Query = Iterable[tuple[str, str]]


class AgentError(Exception):
    """The agent refused: `code`, `message` and `hint` are the engine's."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint


class AgentUnavailable(AgentError):
    """The agent does not answer on its socket, or went away."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            503,
            "unreachable",
            f"the host agent does not answer: {_told_plainly(cause)}",
            "It may be starting anew; try again in a moment. Its log says more.",
        )


class AgentClient:
    """Talks to the agent behind `socket_path`; each call is a connection of its own, so any event loop may use it."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = str(socket_path)

    async def ping(self) -> dict[str, Any]:
        """`{"agent", "launcher", "version"}`. Raises AgentUnavailable."""
        async with self._request("GET", "ping", timeout=aiohttp.ClientTimeout(total=2)) as answer:
            value: dict[str, Any] = await answer.json()
            return value

    async def inspect(self, container_id: str) -> dict[str, Any]:
        """`{"state", "spec", "config", "volumes", "health", "deaths"}`. Raises AgentError, AgentUnavailable."""
        return await self.get(f"containers/{container_id}/inspect")

    async def get(self, path: str, query: Query = (), *, timeout_s: float = 30) -> dict[str, Any]:
        """What it answers to `GET /v1/<path>` as one JSON object. Raises AgentError, AgentUnavailable."""
        timeout = aiohttp.ClientTimeout(timeout_s)
        async with self._request("GET", path, params=list(query), timeout=timeout) as answer:
            value: dict[str, Any] = await answer.json()
            return value

    async def post(self, path: str, document: Any, *, timeout_s: float = 30) -> dict[str, Any]:
        """What it answers to `POST /v1/<path>` with a JSON document, as one JSON object."""
        async with self._request("POST", path, json=document, timeout=aiohttp.ClientTimeout(timeout_s)) as answer:
            value: dict[str, Any] = await answer.json()
            return value

    async def pieces(self, path: str, query: Query = ()) -> AsyncGenerator[bytes, None]:
        """Its answer in pieces, as they come. Close it (`aclose`) if you leave it before its end."""
        async with self._request("GET", path, params=list(query)) as answer:
            async for chunk in answer.content.iter_any():
                yield chunk

    async def logs(self, container_id: str, **query: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Batches of a container's log: `{"cursor", "lines"}`. Raises AgentError, AgentUnavailable."""
        async with aclosing(self.log_frames(container_id, **query)) as frames:
            async for frame in frames:
                yield json.loads(frame)

    async def log_frames(self, container_id: str, **query: Any) -> AsyncGenerator[bytes, None]:
        """The same batches as the agent wrote them: ASCII JSON, to be passed on without taking them apart.

        Close it (`aclose`) if you leave it before its end. It reads ahead no more than aiohttp's 128 KiB and one batch.
        """
        parameters = {name: _text(value) for name, value in query.items() if value is not None}
        async with self._request("GET", f"containers/{container_id}/logs", params=parameters) as answer:
            beginning: list[bytes] = []
            async for chunk in answer.content.iter_any():
                first, *others = chunk.split(b"\n")
                beginning.append(first)
                for other in others:
                    yield b"".join(beginning)
                    beginning = [other]

    async def put_upload(self, upload_id: str, chunks: AsyncIterator[bytes]) -> int:
        """Send a file; how many bytes it was. If `chunks` fails, the agent drops what it has."""
        async with self._request("PUT", f"uploads/{upload_id}", data=chunks) as answer:
            return int((await answer.json())["size"])

    async def delete_upload(self, upload_id: str) -> None:
        """Drop an upload that nobody will use."""
        async with self._request("DELETE", f"uploads/{upload_id}"):
            pass

    @asynccontextmanager
    async def _request(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        connector = aiohttp.UnixConnector(self._socket_path)
        options.setdefault("timeout", NO_TOTAL_LIMIT)
        try:
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.request(method, f"http://agent/v1/{path}", **options) as answer,
            ):
                if answer.status >= 400:
                    raise await _refusal(answer)
                yield answer
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise AgentUnavailable(error) from error


def _told_plainly(cause: Exception) -> str:
    if isinstance(cause, aiohttp.ClientConnectorError):
        return cause.os_error.strerror or str(cause)
    if isinstance(cause, TimeoutError):
        return "it took too long"
    if isinstance(cause, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError | ConnectionError):
        return "it went away before its answer was complete"
    return str(cause)


async def _refusal(answer: aiohttp.ClientResponse) -> AgentError:
    try:
        told = await answer.json()
        return AgentError(answer.status, told["code"], told["message"], told.get("hint", ""))
    except (ValueError, KeyError, aiohttp.ClientError):
        return AgentError(answer.status, "engine-error", f"the host agent answered {answer.status}")


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
