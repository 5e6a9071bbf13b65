"""`/api/v1/containers/`: create, look at and operate containers; read their logs."""

from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from panel.accounts.actors import Actor
from panel.containers import logs, services
from panel.containers.inspection import bundle
from panel.containers.models import Container, ContainerQuerySet
from panel.containers.serializers import (
    ContainerSerializer,
    InspectSerializer,
    KillSerializer,
    NewContainerSerializer,
    RestartSerializer,
    StopSerializer,
)
from panel.hosts.models import Host
from panel.operations.api import ANSWERS, PREFER, accepted
from panel.rest.permissions import SIGNED_IN
from panel.rest.viewsets import ModelViewSet


class ContainerFilter(filters.FilterSet):  # type: ignore[misc]
    """`?status=&desired=&host=&image_id=&name=`."""

    class Meta:
        model = Container
        fields = ("status", "desired", "host", "image_id", "name")


OPERATED: dict[str, Any] = {"parameters": [PREFER], "responses": ANSWERS}


@extend_schema_view(
    list=extend_schema(summary="List containers", description="The newest first."),
    retrieve=extend_schema(
        summary="Show a container",
        description="`id` is its id, its name, or the beginning of its id if no other begins so.",
    ),
)
class ContainerViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Container]):
    """Containers of all hosts."""

    queryset = Container.objects.all()
    serializer_class = ContainerSerializer
    filterset_class = ContainerFilter
    ordering_fields = ("name", "created_at", "started_at", "finished_at", "status", "image")
    lookup_value_regex = "[a-zA-Z0-9][a-zA-Z0-9_.-]*"
    permissions = {
        "list": "containers.view",
        "retrieve": "containers.view",
        "inspect": "containers.view",
        "logs": "containers.logs",
        # Their services ask, so that a refusal is an audit row.
        **dict.fromkeys(("create", "start", "stop", "kill", "restart", "destroy"), SIGNED_IN),
    }
    documented_permissions = {
        "create": "containers.create",
        "destroy": "containers.delete",
        **dict.fromkeys(("start", "stop", "kill", "restart"), "containers.operate"),
    }

    def get_queryset(self) -> ContainerQuerySet:
        """All of them; the permission was checked."""
        return Container.objects.all()

    def get_object(self) -> Container:
        """The container the address means: by id, by name, or by the only id that begins so."""
        return get_object_or_404(self.get_queryset().meant_by(self.kwargs["pk"]))

    @extend_schema(summary="Create a container", request=NewContainerSerializer, **OPERATED)
    def create(self, request: Request) -> Response:
        """Create it and, unless told otherwise, start it."""
        form = NewContainerSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        spec = dict(form.validated_data)
        start, host_name = spec.pop("start"), spec.pop("host", None)
        host = get_host(host_name) if host_name else None
        return accepted(request, services.create(actor=Actor.from_request(request), spec=spec, host=host, start=start))

    @extend_schema(
        summary="Remove a container",
        description="With its writable layer and its logs.",
        parameters=[PREFER, OpenApiParameter("force", bool, description="kill it first if it runs")],
        responses=ANSWERS,
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it."""
        force = request.query_params.get("force", "").lower() in ("1", "true")
        container = self.get_object()
        return accepted(request, services.remove(actor=Actor.from_request(request), container=container, force=force))

    @extend_schema(summary="Start a container", request=None, **OPERATED)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Start it; nothing happens to one that runs."""
        return accepted(request, services.start(actor=Actor.from_request(request), container=self.get_object()))

    @extend_schema(summary="Stop a container", request=StopSerializer, **OPERATED)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Signal it, wait, then kill it."""
        arguments = self.arguments(StopSerializer)
        container = self.get_object()
        return accepted(request, services.stop(actor=Actor.from_request(request), container=container, **arguments))

    @extend_schema(summary="Send a container a signal", request=KillSerializer, **OPERATED)
    @action(detail=True, methods=["post"])
    def kill(self, request: Request, pk: str) -> Response:
        """Send its first process a signal."""
        arguments = self.arguments(KillSerializer)
        container = self.get_object()
        return accepted(request, services.kill(actor=Actor.from_request(request), container=container, **arguments))

    @extend_schema(summary="Restart a container", request=RestartSerializer, **OPERATED)
    @action(detail=True, methods=["post"])
    def restart(self, request: Request, pk: str) -> Response:
        """Stop it if it runs, then start it."""
        arguments = self.arguments(RestartSerializer)
        container = self.get_object()
        return accepted(request, services.restart(actor=Actor.from_request(request), container=container, **arguments))

    @extend_schema(summary="Inspect a container", responses=InspectSerializer)
    @action(detail=True, methods=["get"])
    def inspect(self, request: Request, pk: str) -> Response:
        """Everything the panel knows of it, its image, and the OCI bundle it runs from on its host."""
        container = self.get_object()
        image = services.image_of(container)
        return Response(
            {
                "container": ContainerSerializer(container).data,
                "image": image.config if image is not None else None,
                **bundle(container),
            }
        )

    @extend_schema(
        summary="Read a container's log",
        description=(
            "As text, one line each; with `Accept: application/x-ndjson` as the batches the host sends: "
            '`{"cursor", "lines": [[time_ns, stream, text, is_partial], …]}`, where `cursor` can be given as `after`.'
        ),
        parameters=[
            OpenApiParameter("follow", bool, description="go on until the container ends"),
            OpenApiParameter("tail", int, description="only so many lines from the end, then what follows"),
            OpenApiParameter("since", int, description="nanoseconds since 1970"),
            OpenApiParameter("until", int, description="nanoseconds since 1970"),
            OpenApiParameter("after", str, description="a cursor: go on exactly there"),
            OpenApiParameter("timestamps", bool, description="begin each line of text with its time"),
        ],
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR, "One batch a line."),
        },
    )
    @action(detail=True, methods=["get"], content_negotiation_class=logs.AnyFormat)
    def logs(self, request: Request, pk: str) -> HttpResponseBase:
        """Its log, streamed."""
        return logs.stream(self.get_object(), request)

    def arguments(self, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The request's body, checked."""
        form = serializer(data=self.request.data)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)


def get_host(name: str) -> Host:
    """The host of that name; ValidationError if there is none."""
    host = Host.objects.filter(pk=name).first()
    if host is None:
        raise serializers.ValidationError({"host": f"There is no host {name}."})
    return host
