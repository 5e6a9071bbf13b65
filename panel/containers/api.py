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
from panel.containers import live, logs, services
from panel.containers.inspection import bundle
from panel.containers.models import Container, ContainerQuerySet
from panel.containers.reading import Files, Observed
from panel.containers.serializers import (
    CommitSerializer,
    ContainerSerializer,
    ExecSerializer,
    InspectSerializer,
    KillSerializer,
    NewContainerSerializer,
    PruneSerializer,
    RenameSerializer,
    RestartSerializer,
    StopSerializer,
    UpdateSerializer,
    WouldPruneSerializer,
)
from panel.files import api as files
from panel.files.places import Place, of_container
from panel.hosts.models import Host
from panel.images.models import outdated
from panel.operations.api import ANSWERS, PREFER, accepted
from panel.rest.documents import document, taken
from panel.rest.permissions import SIGNED_IN
from panel.rest.queries import is_set
from panel.rest.viewsets import ModelViewSet

_MOMENT = "RFC 3339, seconds or nanoseconds since 1970, or how long ago: `2026-11-24T14:30:00Z`, `1795530600.5`, `10m`"


class ContainerFilter(filters.FilterSet):  # type: ignore[misc]
    """`?status=&desired=&host=&image_id=&name=`."""

    class Meta:
        model = Container
        fields = ("status", "desired", "host", "image_id", "name")


OPERATING = ("start", "stop", "kill", "restart", "pause", "unpause", "rename", "partial_update", "commit")
OPERATED: dict[str, Any] = {"parameters": [PREFER], "responses": ANSWERS}


@extend_schema_view(
    list=extend_schema(summary="List containers", description="The newest first."),
    retrieve=extend_schema(
        summary="Show a container",
        description="`id` is its id, its name, or the beginning of its id if no other begins so.",
    ),
)
class ContainerViewSet(
    Observed, Files, files.Browsed, mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Container]
):
    """Containers of all hosts."""

    queryset = Container.objects.all()
    serializer_class = ContainerSerializer
    filterset_class = ContainerFilter
    ordering_fields = ("name", "created_at", "started_at", "finished_at", "status", "image")
    lookup_value_regex = "[a-zA-Z0-9][a-zA-Z0-9_.-]*"
    documented_permissions = {
        "create": "containers.create",
        "exec": "containers.exec",
        **dict.fromkeys(OPERATING, "containers.operate"),
        **dict.fromkeys(("export", "archive", "copy_in", "path"), "containers.files"),
        **dict.fromkeys(files.ACTIONS, "containers.files"),
        **dict.fromkeys(("destroy", "prune"), "containers.delete"),
    }
    permissions = {
        **dict.fromkeys(("list", "retrieve", "inspect", "top", "stats", "wait", "diff", "prunable"), "containers.view"),
        "logs": "containers.logs",
        # Their services ask, so that a refusal is an audit row.
        **dict.fromkeys(documented_permissions, SIGNED_IN),
    }

    def get_queryset(self) -> ContainerQuerySet:
        """All of them; the permission was checked."""
        containers = Container.objects.all()
        is_shown = self.action in ("list", "retrieve")
        return containers.annotate(image_is_outdated=outdated()) if is_shown else containers

    def get_object(self) -> Container:
        """The container the address means: by id, by name, or by the only id that begins so."""
        return get_object_or_404(self.get_queryset().meant_by(self.kwargs["pk"]))

    def place(self) -> Place:
        """Whose files are browsed."""
        return of_container(self.get_object())

    @extend_schema(
        summary="Create a container",
        description=(
            "What gives it more of its host (privileged, namespaces or files of the host, devices, further "
            "capabilities, another seccomp profile, a log server …) takes the permission "
            "`containers.create_privileged` too, and a pull `images.pull`."
        ),
        request=NewContainerSerializer,
        **OPERATED,
    )
    def create(self, request: Request) -> Response:
        """Create it and, unless told otherwise, start it."""
        spec = document(request)
        start, host = taken(spec, "start", bool, True), taken(spec, "host", str, "")
        pull = taken(spec, "pull", str, "never")
        operation = services.create(
            actor=Actor.from_request(request),
            spec=spec,
            host=get_host(host) if host else None,
            start=start,
            pull=pull,
        )
        return accepted(request, operation)

    @extend_schema(
        summary="Change a container",
        description=(
            "Its limits and its restart policy, at once, whether it runs or not. Null lifts a limit; what is left out "
            "stays as it is. A limit the host cannot keep is refused, and then nothing is changed."
        ),
        request=UpdateSerializer,
        **OPERATED,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give it other limits or another restart policy."""
        container, change = self.get_object(), document(request)
        return accepted(request, services.update(actor=Actor.from_request(request), container=container, change=change))

    @extend_schema(
        summary="Remove a container",
        description="With its writable layer and its logs.",
        parameters=[
            PREFER,
            OpenApiParameter("force", bool, description="kill it first if it runs"),
            OpenApiParameter("with_volumes", bool, description="its volumes without a name of their own too"),
        ],
        responses=ANSWERS,
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it."""
        operation = services.remove(
            actor=Actor.from_request(request),
            container=self.get_object(),
            force=is_set(request, "force"),
            with_volumes=is_set(request, "with_volumes"),
        )
        return accepted(request, operation)

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

    @extend_schema(summary="Pause a container", request=None, **OPERATED)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Let all of it stand still."""
        return accepted(request, services.pause(actor=Actor.from_request(request), container=self.get_object()))

    @extend_schema(summary="Unpause a container", request=None, **OPERATED)
    @action(detail=True, methods=["post"])
    def unpause(self, request: Request, pk: str) -> Response:
        """Let it run on."""
        return accepted(request, services.unpause(actor=Actor.from_request(request), container=self.get_object()))

    @extend_schema(summary="Rename a container", request=RenameSerializer, **OPERATED)
    @action(detail=True, methods=["post"])
    def rename(self, request: Request, pk: str) -> Response:
        """Give it another name."""
        arguments = self.arguments(RenameSerializer)
        container = self.get_object()
        return accepted(request, services.rename(actor=Actor.from_request(request), container=container, **arguments))

    @extend_schema(
        summary="Run a program in a container",
        description=(
            'The operation\'s result is `{"exec_id", "exit_code", "error", "stdout", "stderr", "truncated", '
            '"timed_out"}`, of each stream the first 64 KiB; with `detach` it is `{"exec_id", "pid"}`.'
        ),
        request=ExecSerializer,
        **OPERATED,
    )
    @action(detail=True, methods=["post"])
    def exec(self, request: Request, pk: str) -> Response:
        """Run one more program in it."""
        container, spec = self.get_object(), document(request)
        detach, timeout_s = taken(spec, "detach", bool, False), taken(spec, "timeout_s", float, 60.0)
        operation = services.execute(
            actor=Actor.from_request(request), container=container, spec=spec, detach=detach, timeout_s=timeout_s
        )
        return accepted(request, operation)

    @extend_schema(
        summary="Make an image of a container",
        description="Takes the permission `images.load` too.",
        request=CommitSerializer,
        **OPERATED,
    )
    @action(detail=True, methods=["post"])
    def commit(self, request: Request, pk: str) -> Response:
        """Make an image of its files."""
        arguments = self.arguments(CommitSerializer)
        container = self.get_object()
        return accepted(request, services.commit(actor=Actor.from_request(request), container=container, **arguments))

    @extend_schema(
        summary="Tell what a prune would remove",
        parameters=[
            OpenApiParameter("until", str, description="only those created before this time (RFC 3339)"),
            OpenApiParameter("label", str, many=True, description="`name` or `name=value`; all that are given"),
            OpenApiParameter("without_label", str, many=True, description="`name` or `name=value`; none of them"),
        ],
        responses=WouldPruneSerializer,
    )
    @action(detail=False, methods=["get"])
    def prunable(self, request: Request) -> Response:
        """The containers that do not run and are meant, each with its bytes."""
        names = ("until", "label", "without_label")
        query = [(name, text) for name in names for text in request.query_params.getlist(name)]
        return Response(live.read("prunable", query, timeout_s=300))

    @extend_schema(
        summary="Remove the containers that do not run",
        description='The operation\'s result is `{"containers": [{"id", "name", "size_bytes"}, …], "size_bytes"}`.',
        request=PruneSerializer,
        **OPERATED,
    )
    @action(detail=False, methods=["post"])
    def prune(self, request: Request) -> Response:
        """Remove every one of them that is meant."""
        filters = document(request)
        host = taken(filters, "host", str, "")
        operation = services.prune(
            actor=Actor.from_request(request), host=get_host(host) if host else None, filters=filters
        )
        return accepted(request, operation)

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
            OpenApiParameter("tail", str, description="only so many lines from the end, then what follows; `all`"),
            OpenApiParameter("since", str, description=_MOMENT),
            OpenApiParameter("until", str, description=_MOMENT),
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
