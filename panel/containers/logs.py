"""A container's log as an HTTP answer: the agent's batches, as text or as they are, at the reader's own pace."""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from panel.containers import moments
from panel.containers.live import agent
from panel.containers.models import Container
from panel.errors import Invalid
from panel.rest.queries import is_set

NDJSON = "application/x-ndjson"
TEXT = "text/plain; charset=utf-8"
_ALL = "all"


class AnyFormat(BaseContentNegotiation):
    """The answer is a stream, whatever is accepted; problems are JSON."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        """The first."""
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """JSON."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""


def stream(container: Container, request: Request) -> StreamingHttpResponse:
    """The log of `container` as the request's query asks for it. AgentError if the agent refuses or is away."""
    query = checked_query(request)
    async_to_sync(_try)(container.id, query)
    if NDJSON in request.headers.get("Accept", ""):
        response = StreamingHttpResponse(_ndjson(container.id, query), content_type=NDJSON)
    else:
        has_times = is_set(request, "timestamps")
        response = StreamingHttpResponse(_text(container.id, query, has_times=has_times), content_type=TEXT)
    response["Cache-Control"] = "no-store"
    return response


def checked_query(request: Request) -> dict[str, Any]:
    """The query the agent understands; Invalid names the parameter that is no number, or no point in time."""
    query: dict[str, Any] = {}
    if (tail := request.query_params.get("tail", "")) not in ("", _ALL):
        if not (tail.isascii() and tail.isdigit() and len(tail) < 20):
            raise Invalid(f"{tail[:40]!r} is not a number", field="tail")
        query["tail"] = int(tail)
    for name in ("since", "until"):
        if value := request.query_params.get(name):
            query[name] = moments.nanoseconds(name, value)
    if after := request.query_params.get("after"):
        query["after"] = after[:200]
    query["follow"] = is_set(request, "follow")
    return query


async def _try(container_id: str, query: dict[str, Any]) -> None:
    """Ask for one line, while an error can still be the answer: after the first byte of a stream it cannot."""
    async with aclosing(agent().log_frames(container_id, **query | {"follow": False, "tail": 1})) as frames:
        async for _frame in frames:
            return


async def _ndjson(container_id: str, query: dict[str, Any]) -> AsyncIterator[bytes]:
    async with aclosing(agent().log_frames(container_id, **query)) as frames:
        async for frame in frames:
            yield frame + b"\n"


async def _text(container_id: str, query: dict[str, Any], *, has_times: bool) -> AsyncIterator[bytes]:
    """Lines as the container wrote them; a piece of a long line is followed by its rest, not by a line's end."""
    is_line_start = True
    async with aclosing(agent().logs(container_id, **query)) as batches:
        async for batch in batches:
            pieces = []
            for time_ns, _stream, text, is_partial in batch["lines"]:
                if has_times and is_line_start:
                    pieces.append(f"{datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec='microseconds')} ")
                pieces.append(text if is_partial else f"{text}\n")
                is_line_start = not is_partial
            yield "".join(pieces).encode(errors="replace")
