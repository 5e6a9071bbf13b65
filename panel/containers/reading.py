"""`/api/v1/containers/{id}/`: what its host tells of a container at this moment, and its files. A part of `api.py`."""

import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from engine import Condition
from panel.accounts.actors import Actor
from panel.containers import live, services
from panel.containers.logs import AnyFormat
from panel.containers.models import Container
from panel.containers.serializers import (
    PathStatSerializer,
    ProcessTableSerializer,
    StatsSerializer,
    WaitedSerializer,
)
from panel.errors import Invalid
from panel.operations.api import ANSWERS, PREFER
from panel.operations.waiting import wait_of
from panel.rest.queries import is_set
from panel.uploads import tickets

if TYPE_CHECKING:
    ViewSet = GenericViewSet[Container]
else:
    ViewSet = object

STAT_HEADER = "Moorage-Path-Stat"
PATH = OpenApiParameter("path", str, required=True, description="absolute path of a file or folder in the container")
TAR_ANSWER = {(200, live.TAR): OpenApiResponse(OpenApiTypes.BINARY, "A tar.")}


class Observed(ViewSet):
    """What a container does at this moment."""

    @extend_schema(
        summary="List a container's processes",
        parameters=[OpenApiParameter("ps_args", str, description="options of ps(1), `-ef` if left out")],
        responses=ProcessTableSerializer,
    )
    @action(detail=True, methods=["get"])
    def top(self, request: Request, pk: str) -> Response:
        """Its processes, as ps(1) shows them and as values."""
        query = [("ps_args", request.query_params["ps_args"])] if "ps_args" in request.query_params else []
        return Response(live.read(live.of(self.get_object(), "top"), query))

    @extend_schema(
        summary="Read what a container uses",
        description="Processors, memory, disk, network, processes and pressure. With `stream` one reading a line.",
        parameters=[
            OpenApiParameter("stream", bool, description="go on until its run ends, from the second on with rates"),
            OpenApiParameter("interval_s", float, description="seconds between readings, 1 if left out"),
        ],
        responses={
            200: StatsSerializer,
            (200, live.LINES): OpenApiResponse(OpenApiTypes.STR, "One reading a line."),
        },
    )
    @action(detail=True, methods=["get"], content_negotiation_class=AnyFormat)
    def stats(self, request: Request, pk: str) -> HttpResponseBase:
        """One reading, or a stream of them."""
        path = live.of(self.get_object(), "stats")
        query = [(name, request.query_params[name]) for name in ("interval_s",) if name in request.query_params]
        reading = live.read(path, query)
        if not is_set(request, "stream"):
            return Response(reading)
        return live.streamed(path, [*query, ("stream", "1")], content_type=live.LINES)

    @extend_schema(
        summary="Wait for a container",
        description=(
            "Answers when it has come to `condition`, or when the seconds of `Prefer: wait=N` (60 at most) are over; "
            "without that header at once. Ask again as long as `is_met` is false."
        ),
        parameters=[
            OpenApiParameter("condition", str, enum=list(Condition), description="`not-running` if left out"),
            OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="`wait=N`"),
        ],
        responses=WaitedSerializer,
    )
    @action(detail=True, methods=["get"])
    def wait(self, request: Request, pk: str) -> HttpResponseBase:
        """Wait until it has ended, ends once more, or is gone."""
        container = self.get_object()
        wait_s = wait_of(request.headers.get("Prefer", "").encode("latin-1", "replace"))
        condition = request.query_params.get("condition", Condition.NOT_RUNNING.value)
        path, query = live.of(container, "wait"), [("condition", condition)]
        waited = live.read(path, [*query, ("timeout_s", "0")])
        if waited["is_met"] or not wait_s:
            return Response(waited)

        async def told() -> AsyncGenerator[bytes, None]:
            found = await live.agent().get(path, [*query, ("timeout_s", str(wait_s))], timeout_s=wait_s + 30)
            yield json.dumps(live.printable(found)).encode()

        return live.streaming(told, content_type="application/json")


class Files(ViewSet):
    """A container's files, running or not."""

    @extend_schema(
        summary="List what a container changed",
        description='Of its image\'s files, one a line: `{"path", "kind"}`, kind being added, changed or deleted.',
        responses={(200, live.LINES): OpenApiResponse(OpenApiTypes.STR, "One change a line.")},
    )
    @action(detail=True, methods=["get"], content_negotiation_class=AnyFormat)
    def diff(self, request: Request, pk: str) -> HttpResponseBase:
        """What it changed."""
        container = self.get_object()
        live.read(live.of(container, "path"), [("path", "/")])
        return live.streamed(live.of(container, "diff"), content_type=live.LINES)

    @extend_schema(
        summary="Export a container's root", description="As one tar, without what is mounted.", responses=TAR_ANSWER
    )
    @action(detail=True, methods=["get"], content_negotiation_class=AnyFormat)
    def export(self, request: Request, pk: str) -> HttpResponseBase:
        """Its whole root."""
        container = self.get_object()
        services.allow_export(actor=Actor.from_request(request), container=container)
        live.read(live.of(container, "path"), [("path", "/")])
        return live.streamed(live.of(container, "export"), content_type=live.TAR)

    @extend_schema(
        summary="Copy out of a container",
        description=(
            "What is under `path` as a tar, in which it has its own last name. What is known of it is in the header "
            f"`{STAT_HEADER}`, which HEAD answers alone."
        ),
        parameters=[PATH],
        responses=TAR_ANSWER,
    )
    @action(detail=True, methods=["get"], content_negotiation_class=AnyFormat)
    def archive(self, request: Request, pk: str) -> HttpResponseBase:
        """A file or folder as a tar."""
        container, query = self.get_object(), [("path", asked_path(request))]
        services.allow_copy_out(actor=Actor.from_request(request), container=container, path=query[0][1])
        found = live.read(live.of(container, "path"), query)
        response: HttpResponseBase = (
            Response(status=200, content_type=live.TAR)
            if request.method == "HEAD"
            else live.streamed(live.of(container, "archive"), query, content_type=live.TAR)
        )
        response[STAT_HEADER] = json.dumps(found)
        return response

    @extend_schema(
        summary="Copy into a container",
        description="The request's body is a tar, plain or compressed; it is unpacked into the folder `path`.",
        request={live.TAR: OpenApiTypes.BINARY},
        parameters=[PREFER, PATH],
        responses=ANSWERS,
    )
    @archive.mapping.put
    def copy_in(self, request: Request, pk: str) -> Response:
        """Allow the upload; its body is streamed to the host by `panel.uploads.asgi`."""
        ticket = services.allow_copy_in(
            actor=Actor.from_request(request), container=self.get_object(), path=asked_path(request)
        )
        return Response(status=202, headers={tickets.UPLOAD_HEADER: tickets.issue(ticket)})

    @extend_schema(summary="Look at a path in a container", parameters=[PATH], responses=PathStatSerializer)
    @action(detail=True, methods=["get"])
    def path(self, request: Request, pk: str) -> Response:
        """What is known of a file or folder."""
        container, path = self.get_object(), asked_path(request)
        services.allow_copy_out(actor=Actor.from_request(request), container=container, path=path)
        return Response(live.read(live.of(container, "path"), [("path", path)]))


def asked_path(request: Request) -> str:
    """The query's `path`. Raises Invalid if it is missing."""
    path: str = request.query_params.get("path", "")
    if not path:
        raise Invalid("is missing", hint="Name a file or folder of the container.", field="path")
    return path
