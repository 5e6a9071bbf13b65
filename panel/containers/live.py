"""What only a container's host knows, read through its agent: answered at once, or streamed at the reader's pace."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse

from panel.agent.client import AgentClient, Query
from panel.containers.models import Container
from panel.environment import Environment

LINES = "application/x-ndjson"
TAR = "application/x-tar"


def agent() -> AgentClient:
    """The host agent's client."""
    return AgentClient(Environment.from_env().agent_socket)


def read(path: str, query: Query = (), *, timeout_s: float = 30) -> dict[str, Any]:
    """What the agent answers at `path`. Raises AgentError."""
    found: dict[str, Any] = printable(async_to_sync(agent().get)(path, query, timeout_s=timeout_s))
    return found


def ask(path: str, document: Any, *, timeout_s: float = 30) -> dict[str, Any]:
    """What the agent answers to a document sent to `path`, which changes nothing. Raises AgentError."""
    found: dict[str, Any] = printable(async_to_sync(agent().post)(path, document, timeout_s=timeout_s))
    return found


def of(container: Container, what: str) -> str:
    """The agent's path for something of a container."""
    return f"containers/{container.pk}/{what}"


def streamed(path: str, query: Query = (), *, content_type: str) -> StreamingHttpResponse:
    """What the agent streams at `path`. That it can be had is made sure of before: afterwards an error only cuts it."""
    return streaming(lambda: agent().pieces(path, query), content_type=content_type)


def streaming(begin: Callable[[], AsyncGenerator[bytes, None]], *, content_type: str) -> StreamingHttpResponse:
    """An answer of pieces that come as they come, and hold no thread meanwhile."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        async with aclosing(begin()) as stream:
            async for piece in stream:
                yield piece

    response = StreamingHttpResponse(pieces(), content_type=content_type)
    response["Cache-Control"] = "no-store"
    return response


def printable(value: Any) -> Any:
    """The same with bytes that are no text, lone surrogates in what the agent says, replaced."""
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printable(item) for item in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
