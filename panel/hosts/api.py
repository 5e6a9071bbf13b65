"""`/api/v1/hosts/`: the machines that run containers."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import mixins, serializers

from panel.hosts.models import Host
from panel.rest.viewsets import ModelViewSet

EXAMPLE = OpenApiExample(
    "A host",
    value={
        "name": "local",
        "is_online": True,
        "last_seen_at": "2026-01-01T00:00:05Z",
        "worker_started_at": "2026-01-01T00:00:00Z",
        "capabilities": {"kernel": "6.1.0", "machine": "x86_64", "cgroups": "v2", "processors": 4},
        "created_at": "2026-01-01T00:00:00Z",
    },
    response_only=True,
)


@extend_schema_serializer(examples=[EXAMPLE])
class HostSerializer(serializers.ModelSerializer[Host]):
    """A host; `capabilities` are facts its engine probed."""

    is_online = serializers.BooleanField(read_only=True)
    capabilities = serializers.DictField(read_only=True)

    class Meta:
        model = Host
        fields = ("name", "is_online", "last_seen_at", "worker_started_at", "capabilities", "created_at")
        read_only_fields = fields


@extend_schema_view(list=extend_schema(summary="List hosts"), retrieve=extend_schema(summary="Show a host"))
class HostViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Host]):
    """The machines that run containers."""

    queryset = Host.objects.all()
    serializer_class = HostSerializer
    filterset_fields = ("name",)
    ordering_fields = ("name", "last_seen_at")
    lookup_value_regex = "[a-z0-9-]+"
    permissions = {"list": "hosts.view", "retrieve": "hosts.view"}

    def get_queryset(self) -> QuerySet[Host]:
        """All of them; the permission was checked."""
        return Host.objects.all()
