"""`/api/v1/containers/`: create, look at and operate containers; read their logs."""

from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from panel.accounts.actors import Actor
from panel.containers import logs, services
from panel.containers.models import Container
from panel.hosts.models import Host
from panel.operations.api import ANSWERS, PREFER, accepted
from panel.rest.permissions import SIGNED_IN
from panel.rest.viewsets import ModelViewSet


class ContainerSerializer(serializers.ModelSerializer[Container]):
    """A container: what was asked (`spec`), what should be (`desired`) and what the host last said."""

    host = serializers.CharField(source="host_id", read_only=True)
    created_by = serializers.CharField(source="created_by_name", read_only=True)

    class Meta:
        model = Container
        fields = (
            "id",
            "name",
            "host",
            "image",
            "image_id",
            "desired",
            "status",
            "run",
            "pid",
            "exit_code",
            "oom_killed",
            "error",
            "created_by",
            "created_at",
            "started_at",
            "finished_at",
            "spec",
        )
        read_only_fields = fields


class ResourcesSerializer(serializers.Serializer[Any]):
    """Limits; null is no limit of its own."""

    memory_bytes = serializers.IntegerField(required=False, allow_null=True, help_text="at least 6 MiB")
    cpus = serializers.FloatField(required=False, allow_null=True, help_text="whole processors; 0.5 is half of one")
    cpu_shares = serializers.IntegerField(required=False, allow_null=True, help_text="weight, 2 to 262144")
    pids = serializers.IntegerField(required=False, allow_null=True, help_text="most processes and threads")


class RlimitSerializer(serializers.Serializer[Any]):
    """A limit of setrlimit(2); -1 is unlimited."""

    soft = serializers.IntegerField()
    hard = serializers.IntegerField()


class NewContainerSerializer(serializers.Serializer[Any]):
    """What is asked of a new container; what is left out comes from the image. The engine checks the values."""

    name = serializers.CharField(required=False, help_text="a friendly one is chosen if it is left out")
    image = serializers.CharField(help_text="reference, id, or the beginning of an id")
    command = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False, allow_null=True)
    entrypoint = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False, allow_null=True)
    env = serializers.ListField(child=serializers.CharField(), required=False, help_text="`NAME=value` each")
    cwd = serializers.CharField(required=False)
    user = serializers.CharField(required=False, help_text="`name` or `uid`, with `:group` or `:gid`")
    hostname = serializers.CharField(required=False)
    tty = serializers.BooleanField(required=False)
    network = serializers.ChoiceField(["none", "host"], required=False)
    read_only = serializers.BooleanField(  # type: ignore[assignment]  # the specification's word
        required=False, help_text="the root filesystem cannot be written to"
    )
    resources = ResourcesSerializer(required=False)
    rlimits = serializers.DictField(child=RlimitSerializer(), required=False)
    cap_add = serializers.ListField(child=serializers.CharField(), required=False)
    cap_drop = serializers.ListField(child=serializers.CharField(), required=False)
    no_new_privileges = serializers.BooleanField(required=False)
    stop_signal = serializers.CharField(required=False)
    stop_timeout_s = serializers.FloatField(required=False)
    labels = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    start = serializers.BooleanField(required=False, default=True, help_text="start it at once")
    host = serializers.CharField(required=False, help_text="the first one if it is left out")


class StopSerializer(serializers.Serializer[Any]):
    """How to stop; what is left out comes from the container."""

    signal = serializers.CharField(required=False, allow_null=True)
    timeout_s = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=86400)


class RestartSerializer(serializers.Serializer[Any]):
    """How long the stop may take."""

    timeout_s = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=86400)


class KillSerializer(serializers.Serializer[Any]):
    """Which signal to send."""

    signal = serializers.CharField(required=False, default="KILL")


class InspectSerializer(serializers.Serializer[Any]):
    """Everything the panel knows of a container."""

    container = ContainerSerializer()
    image = serializers.DictField(allow_null=True, help_text="what the host tells about the image")


class ContainerFilter(filters.FilterSet):  # type: ignore[misc]
    """`?status=&desired=&host=&image_id=&name=`."""

    class Meta:
        model = Container
        fields = ("status", "desired", "host", "image_id", "name")


CREATE = OpenApiExample(
    "A line a second",
    value={
        "name": "clock",
        "image": "busybox:latest",
        "command": ["sh", "-c", "while :; do date; sleep 1; done"],
        "resources": {"memory_bytes": 67108864, "pids": 64},
        "start": True,
    },
    request_only=True,
)
OPERATED: dict[str, Any] = {"parameters": [PREFER], "responses": ANSWERS}


@extend_schema_view(
    list=extend_schema(summary="List containers", description="The newest first."),
    retrieve=extend_schema(summary="Show a container"),
)
class ContainerViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Container]):
    """Containers of all hosts."""

    queryset = Container.objects.all()
    serializer_class = ContainerSerializer
    filterset_class = ContainerFilter
    ordering_fields = ("name", "created_at", "started_at", "finished_at", "status", "image")
    lookup_value_regex = "[0-9a-f]{64}"
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

    def get_queryset(self) -> QuerySet[Container]:
        """All of them; the permission was checked."""
        return Container.objects.all()

    @extend_schema(summary="Create a container", request=NewContainerSerializer, examples=[CREATE], **OPERATED)
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
        """Everything the panel knows of it, with its image."""
        container = self.get_object()
        image = services.image_of(container)
        return Response(
            {"container": ContainerSerializer(container).data, "image": image.config if image is not None else None}
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
