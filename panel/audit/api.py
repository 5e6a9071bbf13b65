"""`/api/v1/audit/`: the audit log."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import mixins, serializers

from panel.audit.models import AuditEntry
from panel.rest.viewsets import ModelViewSet

EXAMPLE = OpenApiExample(
    "A refused attempt",
    value={
        "number": 42,
        "at": "2026-01-01T00:00:00.000000Z",
        "actor": "vera",
        "how": "session",
        "address": "192.0.2.7",
        "action": "containers.stop",
        "object_kind": "container",
        "object_id": "9d0cb4f1a3e27c5886d1f0a4be93725c1d6f8a02e4b79c3350f1827d6ea4c9b0",
        "object_name": "web",
        "before": None,
        "after": None,
        "outcome": "denied",
        "detail": "needs containers.operate",
        "prev_hash": "3f5a…64 digits",
        "hash": "81c0…64 digits",
    },
    response_only=True,
)


@extend_schema_serializer(examples=[EXAMPLE])
class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One change or refusal; `hash` covers the row and the row before it."""

    actor = serializers.CharField(source="actor_name", read_only=True)

    class Meta:
        model = AuditEntry
        fields = (
            "number",
            "at",
            "actor",
            "how",
            "address",
            "action",
            "object_kind",
            "object_id",
            "object_name",
            "before",
            "after",
            "outcome",
            "detail",
            "prev_hash",
            "hash",
        )
        read_only_fields = fields


class AuditFilter(filters.FilterSet):  # type: ignore[misc]
    """`?actor=&action=&outcome=&object_id=&since=&until=`."""

    actor = filters.CharFilter(field_name="actor_name")
    since = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields = ("actor", "action", "outcome", "object_kind", "object_id", "how", "address")


@extend_schema_view(
    list=extend_schema(summary="List audit rows", description="The newest first."),
    retrieve=extend_schema(summary="Show an audit row"),
)
class AuditViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[AuditEntry]):
    """Who did what, when, from where, and what was refused."""

    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter
    ordering_fields = ("number",)
    lookup_field = "number"
    lookup_value_regex = r"\d+"
    permissions = {"list": "audit.view", "retrieve": "audit.view"}

    def get_queryset(self) -> QuerySet[AuditEntry]:
        """All of them; the permission was checked."""
        return AuditEntry.objects.all()
