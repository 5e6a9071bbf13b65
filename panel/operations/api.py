"""`/api/v1/operations/`: what hosts were asked to do and how it went."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_serializer,
    extend_schema_view,
)
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from panel.accounts.actors import Actor
from panel.operations import services
from panel.operations.models import Operation
from panel.operations.waiting import OPERATION_HEADER
from panel.rest.permissions import SIGNED_IN
from panel.rest.viewsets import ModelViewSet


class StepSerializer(serializers.Serializer[Any]):
    """One step; `current` and `total` count `unit`."""

    name = serializers.CharField()
    status = serializers.ChoiceField(["waiting", "running", "done", "failed"])
    current = serializers.IntegerField()
    total = serializers.IntegerField()
    unit = serializers.CharField(allow_blank=True)
    phase = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="more of it: downloading, verifying, extracting, compressing, uploading, exists",
    )


EXAMPLE = OpenApiExample(
    "A started container",
    value={
        "id": "3f0c2f6e-6f5c-4f5e-9f57-0a4a7d2f0e11",
        "kind": "containers.start",
        "host": "local",
        "object_kind": "container",
        "object_id": "9d0c…64 digits",
        "object_name": "web",
        "status": "done",
        "steps": [],
        "percent": None,
        "error": None,
        "result": None,
        "started_by": "admin",
        "attempts": 0,
        "cancel_requested_at": None,
        "queued_at": "2026-01-01T00:00:00.000000Z",
        "started_at": "2026-01-01T00:00:00.004000Z",
        "finished_at": "2026-01-01T00:00:00.019000Z",
    },
    response_only=True,
)


@extend_schema_serializer(examples=[EXAMPLE])
class OperationSerializer(serializers.ModelSerializer[Operation]):
    """An operation. `error` is `{"code", "message", "hint"}` once it has failed."""

    steps = StepSerializer(many=True, read_only=True)
    host = serializers.CharField(source="host_id", read_only=True)
    started_by = serializers.CharField(source="started_by_name", read_only=True)
    percent = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = Operation
        fields = (
            "id kind host object_kind object_id object_name status steps percent error result started_by attempts "
            "cancel_requested_at queued_at started_at finished_at"
        ).split()
        read_only_fields = fields

    def to_representation(self, instance: Operation) -> dict[str, Any]:
        """The fields one by one. Every start and stop is answered with this; DRF would copy all its fields for it."""
        told = {name: getattr(instance, _ATTRIBUTES.get(name, name)) for name in self.Meta.fields}
        return told | {name: _text(told[name]) for name in _TIMES} | {"id": str(instance.pk)}


_ATTRIBUTES = {"host": "host_id", "started_by": "started_by_name"}
_TIMES = ("cancel_requested_at", "queued_at", "started_at", "finished_at")


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=(
        "`wait=N` (RFC 7240, 1 to 60 seconds) answers when the operation has ended: 200 with the operation, or the "
        "problem that made it fail. If it has not ended by then, 202 as without it."
    ),
)
ANSWERS = {
    200: OpenApiResponse(OperationSerializer, "The operation, which has ended (with `Prefer: wait`)."),
    202: OpenApiResponse(OperationSerializer, "The operation, which the host was asked for."),
}
"""What every request that starts an operation answers."""


def accepted(request: Request, operation: Operation) -> Response:
    """202 with the operation and where to look for it."""
    location = reverse("operation-detail", args=[operation.pk], request=request)
    headers = {OPERATION_HEADER: str(operation.pk), "Location": location}
    return Response(OperationSerializer(operation).data, status.HTTP_202_ACCEPTED, headers=headers)


class OperationFilter(filters.FilterSet):  # type: ignore[misc]
    """`?status=&kind=&object_id=&host=`."""

    class Meta:
        model = Operation
        fields = ("status", "kind", "object_kind", "object_id", "host")


@extend_schema_view(
    list=extend_schema(summary="List operations", description="The newest first."),
    retrieve=extend_schema(summary="Show an operation", description="With its steps and how it ended."),
)
class OperationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Operation]):
    """What hosts were asked to do."""

    queryset = Operation.objects.all()
    serializer_class = OperationSerializer
    filterset_class = OperationFilter
    ordering_fields = ("queued_at", "finished_at", "kind", "status")
    permissions = {"list": "operations.view", "retrieve": "operations.view", "cancel": SIGNED_IN}
    documented_permissions = {"cancel": "operations.cancel"}

    def get_queryset(self) -> QuerySet[Operation]:
        """All of them; the permission was checked."""
        return Operation.objects.all()

    @extend_schema(
        summary="Cancel an operation",
        description="Asks the host to stop; it ends as `cancelled`, or as it would have if it is too late.",
        request=None,
        responses={200: OperationSerializer},
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Ask the host to stop."""
        operation = services.cancel(actor=Actor.from_request(request), operation=self.get_object())
        return Response(OperationSerializer(operation).data)
