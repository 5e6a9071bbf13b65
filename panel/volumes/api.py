"""`/api/v1/volumes/`: the volumes of the host, as it tells of them, and their creation and removal."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from engine import Pruned, Volume, VolumeSpec
from panel.accounts.actors import Actor
from panel.containers import live
from panel.files import api as files
from panel.files.places import Place, of_volume
from panel.hosts.choice import host_named
from panel.operations.api import ANSWERS, PREFER, accepted
from panel.rest.described import Describer
from panel.rest.documents import document, taken
from panel.rest.permissions import SIGNED_IN
from panel.rest.queries import is_set
from panel.rest.viewsets import asked
from panel.volumes import backups_api, services
from panel.volumes.pruning import prunable

DESCRIBED = Describer(
    {
        "Volume": {
            "mountpoint": "its folder on the host",
            "is_anonymous": "made for one container, without a name of its own",
            "used_by": "names of containers",
            "options": "of its driver, as it was made with them",
            "size_bytes": "the most it may hold",
            "quota": (
                "what keeps it to that: `project`, a quota of the host's file system, or `loop`, a file of that size "
                "with a file system in it; empty without a size"
            ),
            "used_bytes": "what it takes on the disk; null while nobody knows, and of what is not kept by the engine",
            "measured_at": "when that was found",
        },
        "VolumeSpec": {
            "options": (
                "Docker's: `type` (tmpfs, nfs, cifs, ext4 …; `none` with `o=bind`), `o`, `device`, `size`. Those that "
                "show what is the host's or its network's take the permission `containers.create_privileged`"
            ),
            "size_bytes": "the most it may hold",
            "uid": "the owner of its topmost folder",
            "gid": "the group of its topmost folder",
            "mode": "the rights of its topmost folder, as a decimal number",
        },
    }
)
TOLD = {
    "name": "data",
    "driver": "local",
    "mountpoint": "/var/lib/moorage/volumes/data/_data",
    "created_at": "2026-01-01T00:00:00.000000Z",
    "labels": {},
    "is_anonymous": False,
    "used_by": ["web"],
    "options": {},
    "size_bytes": 10737418240,
    "quota": "project",
    "used_bytes": 73400320,
    "measured_at": "2026-01-02T00:00:00.000000Z",
}
VOLUME = OpenApiExample("A volume in use", value=TOLD, response_only=True)
NEW = OpenApiExample("A volume", value={"name": "data", "labels": {"team": "blue"}}, request_only=True)
SIZE = OpenApiExample("20 GiB", value={"size_bytes": 21474836480}, request_only=True)
PRUNE = OpenApiExample("Those with names too", value={"with_named": True}, request_only=True)

VolumeSerializer = extend_schema_serializer(examples=[VOLUME])(DESCRIBED.plain(Volume))


NewVolumeSerializer = extend_schema_serializer(examples=[NEW])(
    DESCRIBED.serializer(
        VolumeSpec,
        name="NewVolume",
        about="A volume to be made, unless it is there.",
        further={
            "name": serializers.CharField(required=False, help_text="one of 64 digits is chosen if it is left out"),
            "host": serializers.CharField(required=False, help_text="the first one if it is left out"),
        },
    )
)


@extend_schema_serializer(examples=[SIZE])
class VolumeSizeSerializer(serializers.Serializer[Any]):
    """How much a volume may hold."""

    size_bytes = serializers.IntegerField()


@extend_schema_serializer(examples=[PRUNE])
class PruneVolumesSerializer(serializers.Serializer[Any]):
    """Which of the volumes that no container uses are meant."""

    with_named = serializers.BooleanField(
        required=False, default=False, help_text="those with a name of their own as well"
    )
    dry_run = serializers.BooleanField(required=False, default=False, help_text="tell only what would go")
    host = serializers.CharField(required=False, default="", help_text="the first one if it is left out")


PrunableSerializer = Describer({"Pruned": {"id": "its name", "size_bytes": "what it takes on the disk"}}).serializer(
    Pruned, name="PrunableVolume", about="A volume that would go."
)


class PrunableVolumesSerializer(serializers.Serializer[Any]):
    """What a prune would take."""

    volumes = PrunableSerializer(many=True)
    freed_bytes = serializers.IntegerField()


class VolumeViewSet(files.Browsed, backups_api.BackedUp, GenericViewSet[Any]):
    """Volumes of the host."""

    serializer_class = VolumeSerializer
    filter_backends = ()
    lookup_url_kwarg = "name"
    lookup_value_regex = "[a-zA-Z0-9][a-zA-Z0-9_.-]*"
    permissions = {
        **dict.fromkeys(("list", "retrieve", "schedule"), "volumes.view"),
        # Their services ask, so that a refusal is an audit row.
        **dict.fromkeys(("create", "destroy", "prune", "resize", *files.ACTIONS, *backups_api.ACTIONS), SIGNED_IN),
    }
    documented_permissions = {
        **dict.fromkeys(("create", "destroy", "prune", "resize"), "volumes.manage"),
        **dict.fromkeys(files.ACTIONS, "volumes.files"),
        **backups_api.ACTIONS,
    }

    def place(self) -> Place:
        """Whose files are browsed."""
        return of_volume(self.kwargs["name"])

    @extend_schema(
        summary="List volumes",
        description="With `unused` those that a prune would remove.",
        parameters=[
            OpenApiParameter("unused", bool, description="only those no container uses and that have no own name"),
            OpenApiParameter("with_named", bool, description="of the unused, those with a name of their own too"),
        ],
        responses=VolumeSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        """All of them, by name."""
        query = [
            (name, request.query_params[name]) for name in ("unused", "with_named") if name in request.query_params
        ]
        page = self.paginate_queryset(live.read("volumes", query)["volumes"])
        return self.get_paginated_response(page)

    @extend_schema(summary="Show a volume", responses=VolumeSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        """With the containers that use it."""
        return Response(live.read(f"volumes/{name}"))

    @extend_schema(summary="Create a volume", request=NewVolumeSerializer, parameters=[PREFER], responses=ANSWERS)
    def create(self, request: Request) -> Response:
        """Make it, unless it is there; the operation's result tells of it."""
        wanted = document(request)
        name, host = taken(wanted, "name", str, ""), host_named(taken(wanted, "host", str, ""))
        actor = Actor.from_request(request)
        return accepted(request, services.create(actor=actor, host=host, name=name, spec=wanted))

    @extend_schema(
        summary="Change how much a volume may hold",
        description="While it is used. Refused for one without a size, and where less is not possible.",
        request=VolumeSizeSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
    )
    @action(detail=True, methods=["post"])
    def resize(self, request: Request, name: str) -> Response:
        """Change it."""
        size_bytes = int(taken(document(request), "size_bytes", int, 0))
        actor = Actor.from_request(request)
        return accepted(request, services.resize(actor=actor, host=host_named(""), name=name, size_bytes=size_bytes))

    @extend_schema(
        summary="Remove a volume",
        description="With its files. Refused while a container uses it.",
        parameters=[PREFER, OpenApiParameter("force", bool, description="one that is gone already is no error")],
        responses=ANSWERS,
    )
    def destroy(self, request: Request, name: str) -> Response:
        """Remove it."""
        force = is_set(request, "force")
        actor = Actor.from_request(request)
        return accepted(request, services.remove(actor=actor, host=host_named(""), name=name, force=force))

    @extend_schema(
        summary="Remove volumes that no container uses",
        description=(
            'The operation\'s result is `{"removed": [name, …], "freed_bytes"}`. With `dry_run` the answer is at once '
            "what would go, and takes only `volumes.view`."
        ),
        request=PruneVolumesSerializer,
        parameters=[PREFER],
        responses={200: PrunableVolumesSerializer, **ANSWERS},
    )
    @action(detail=False, methods=["post"])
    def prune(self, request: Request) -> Response:
        """Remove every one that is meant."""
        wanted = asked(request, PruneVolumesSerializer)
        host = host_named(wanted.pop("host"))
        if wanted.pop("dry_run"):
            return Response(prunable(Actor.from_request(request), **wanted))
        return accepted(request, services.prune(actor=Actor.from_request(request), host=host, **wanted))
