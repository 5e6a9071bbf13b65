"""`/api/v1/volumes/{name}/…`: backups, restoring, copies and new names, as a part of the volumes' view set."""

from typing import TYPE_CHECKING, Any

from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from engine import Backup
from panel.accounts.actors import Actor
from panel.containers import live
from panel.containers.logs import AnyFormat
from panel.errors import Missing
from panel.hosts.choice import host_named
from panel.operations.api import ANSWERS, PREFER, accepted
from panel.rest.described import Describer
from panel.rest.documents import document
from panel.rest.queries import is_set
from panel.rest.viewsets import asked
from panel.uploads import tickets
from panel.volumes import backups, schedules
from panel.volumes.models import BackupSchedule

if TYPE_CHECKING:
    ViewSet = GenericViewSet[Any]
else:
    ViewSet = object

ZSTD = "application/zstd"
BODY = {"application/zstd": OpenApiTypes.BINARY, "application/x-tar": OpenApiTypes.BINARY}
ID = r"(?P<backup>[0-9TZa-f-]{10,40})"
ACTIONS = {
    **dict.fromkeys(("backups", "back_up", "remove_backup", "backup_archive", "restore_backup"), "volumes.manage"),
    **dict.fromkeys(("archive", "restore", "clone", "rename", "set_schedule", "remove_schedule"), "volumes.manage"),
}
TOLD = {
    "id": "20260101T030000Z-3fa2c1",
    "volume": "data",
    "created_at": "2026-01-01T03:00:00.000000Z",
    "stored_bytes": 73400320,
    "plain_bytes": 209715200,
    "was_frozen": True,
    "is_scheduled": True,
    "labels": {},
    "size_bytes": None,
}
FREEZE = "keep the containers that use it from moving meanwhile, so that all is of one moment"
REPLACE = "what the volume holds goes; refused while a container runs with it"

BackupSerializer = extend_schema_serializer(examples=[OpenApiExample("A nightly one", value=TOLD, response_only=True)])(
    Describer(
        {
            "Backup": {
                "stored_bytes": "what its file takes",
                "plain_bytes": "what it unpacks to",
                "was_frozen": "no container that uses the volume moved while it was made",
                "is_scheduled": "made by the schedule, whose rules say how long it stays",
                "labels": "of the volume",
                "size_bytes": "the most the volume might hold",
            }
        }
    ).plain(Backup)
)


@extend_schema_serializer(examples=[OpenApiExample("Of one moment", value={"freeze": True}, request_only=True)])
class BackUpSerializer(serializers.Serializer[Any]):
    """How a backup is made."""

    freeze = serializers.BooleanField(required=False, default=False, help_text=FREEZE)


@extend_schema_serializer(
    examples=[OpenApiExample("Beside it", value={"into": "data-before", "replace": False}, request_only=True)]
)
class RestoreSerializer(serializers.Serializer[Any]):
    """Where a backup is put."""

    into = serializers.CharField(required=False, default="", help_text="a volume; the one it is of if left out")
    replace = serializers.BooleanField(required=False, default=False, help_text=REPLACE)


@extend_schema_serializer(
    examples=[OpenApiExample("A smaller one", value={"new_name": "copy", "size_bytes": 1073741824}, request_only=True)]
)
class CloneSerializer(serializers.Serializer[Any]):
    """A volume that is to hold the same."""

    new_name = serializers.CharField()
    size_bytes = serializers.IntegerField(required=False, default=None, allow_null=True)
    freeze = serializers.BooleanField(required=False, default=False, help_text=FREEZE)


@extend_schema_serializer(examples=[OpenApiExample("Another", value={"new_name": "stock"}, request_only=True)])
class RenameVolumeSerializer(serializers.Serializer[Any]):
    """What it is to be called."""

    new_name = serializers.CharField()


@extend_schema_serializer(
    examples=[OpenApiExample("Every night", value={"period": "daily", "hour": 3, "minute": 0, "keep_daily": 7})]
)
class ScheduleSerializer(serializers.ModelSerializer[BackupSchedule]):
    """When a volume is backed up by the clock, in UTC, and how many of these backups stay: all, if all `keep_` are 0.

    `missed_at` is a time that went by more than ten minutes before the backup was made; `error` is why the last failed.
    """

    class Meta:
        model = BackupSchedule
        fields = (*schedules.FIELDS, "due_at", "missed_at", "done_at", "failed_at", "error")
        read_only_fields = ("due_at", "missed_at", "done_at", "failed_at", "error")


class BackedUp(ViewSet):
    """Backups of volumes, and what else is made of a whole volume."""

    @extend_schema(summary="Show when a volume is backed up", responses=ScheduleSerializer)
    @action(detail=True, methods=["get"])
    def schedule(self, request: Request, name: str) -> Response:
        """Its schedule; not found if it has none."""
        row = BackupSchedule.objects.filter(host=host_named(""), volume=name).first()
        if row is None:
            raise Missing(f"Volume {name[:80]} has no schedule.")
        return Response(ScheduleSerializer(row).data)

    @extend_schema(
        summary="Back a volume up by the clock",
        description="What is left out is as usual. The first one is made when its time comes.",
        request=ScheduleSerializer,
        responses=ScheduleSerializer,
    )
    @schedule.mapping.put
    def set_schedule(self, request: Request, name: str) -> Response:
        """From now on."""
        actor, wanted = Actor.from_request(request), document(request)
        row = schedules.schedule(actor=actor, host=host_named(""), name=name, asked=wanted)
        return Response(ScheduleSerializer(row).data)

    @extend_schema(summary="Back a volume up by the clock no more", responses={204: None})
    @schedule.mapping.delete
    def remove_schedule(self, request: Request, name: str) -> Response:
        """Its backups stay."""
        schedules.unschedule(actor=Actor.from_request(request), host=host_named(""), name=name)
        return Response(status=204)

    @extend_schema(summary="List a volume's backups", responses=BackupSerializer(many=True))
    @action(detail=True, methods=["get"])
    def backups(self, request: Request, name: str) -> Response:
        """Newest first; of a volume that is gone too."""
        backups.allow_list(actor=Actor.from_request(request), name=name)
        page = self.paginate_queryset(live.read(f"volumes/{name}/backups")["backups"])
        return self.get_paginated_response(page)

    @extend_schema(
        summary="Back up a volume",
        description="Into a file of its host: a tar in zstd, with everything that belongs to each file.",
        request=BackUpSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
    )
    @backups.mapping.post
    def back_up(self, request: Request, name: str) -> Response:
        """Have the host do it; the operation's result tells of the backup."""
        wanted = asked(request, BackUpSerializer)
        actor = Actor.from_request(request)
        return accepted(request, backups.back_up(actor=actor, host=host_named(""), name=name, **wanted))

    @extend_schema(summary="Remove a backup", parameters=[PREFER], responses=ANSWERS)
    @action(detail=True, methods=["delete"], url_path=f"backups/{ID}")
    def remove_backup(self, request: Request, name: str, backup: str) -> Response:
        """Take its file away."""
        actor = Actor.from_request(request)
        return accepted(request, backups.remove(actor=actor, host=host_named(""), name=name, backup=backup))

    @extend_schema(summary="Download a backup", responses={(200, ZSTD): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path=f"backups/{ID}/archive", content_negotiation_class=AnyFormat)
    def backup_archive(self, request: Request, name: str, backup: str) -> HttpResponseBase:
        """Its file."""
        backups.allow_download(actor=Actor.from_request(request), name=name, backup=backup)
        return sent(f"volumes/{name}/backups/{backup}/archive", f"{name}-{backup}.tar.zst")

    @extend_schema(
        summary="Restore a backup",
        description="Into a new volume, or in the place of what one holds: whole or not at all.",
        request=RestoreSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
    )
    @action(detail=True, methods=["post"], url_path=f"backups/{ID}/restore")
    def restore_backup(self, request: Request, name: str, backup: str) -> Response:
        """Have the host do it."""
        wanted, actor = asked(request, RestoreSerializer), Actor.from_request(request)
        operation = backups.restore(actor=actor, host=host_named(""), name=name, backup=backup, **wanted)
        return accepted(request, operation)

    @extend_schema(
        summary="Download what a volume holds",
        description="As it is while it is read. For a state of one moment make a backup with `freeze`.",
        responses={(200, ZSTD): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"], content_negotiation_class=AnyFormat)
    def archive(self, request: Request, name: str) -> HttpResponseBase:
        """A tar in zstd, made while it is sent."""
        backups.allow_download(actor=Actor.from_request(request), name=name)
        live.read(f"volumes/{name}")  # what is streamed cannot tell that there is no such volume
        return sent(f"volumes/{name}/archive", f"{name}.tar.zst")

    @extend_schema(
        summary="Restore a volume from an upload",
        description=(
            "The request's body is a tar, plain, in gzip or in zstd. Whole or not at all. Devices in it take the "
            "permission `containers.create_privileged`."
        ),
        request=BODY,
        parameters=[PREFER, OpenApiParameter("replace", bool, description=REPLACE)],
        responses=ANSWERS,
    )
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, name: str) -> Response:
        """Allow the upload; its body is streamed to the host by `panel.uploads.asgi`."""
        replace = is_set(request, "replace")
        ticket = backups.allow_restore(actor=Actor.from_request(request), name=name, replace=replace)
        return Response(status=202, headers={tickets.UPLOAD_HEADER: tickets.issue(ticket)})

    @extend_schema(
        summary="Clone a volume",
        description="A new volume that holds the same, with the same labels and size.",
        request=CloneSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
    )
    @action(detail=True, methods=["post"])
    def clone(self, request: Request, name: str) -> Response:
        """Have the host do it."""
        wanted, actor = asked(request, CloneSerializer), Actor.from_request(request)
        return accepted(request, backups.clone(actor=actor, host=host_named(""), name=name, **wanted))

    @extend_schema(
        summary="Rename a volume",
        description="And its backups. Refused while a container uses it.",
        request=RenameVolumeSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
    )
    @action(detail=True, methods=["post"])
    def rename(self, request: Request, name: str) -> Response:
        """Have the host do it."""
        wanted, actor = asked(request, RenameVolumeSerializer), Actor.from_request(request)
        return accepted(request, backups.rename(actor=actor, host=host_named(""), name=name, **wanted))


def sent(path: str, file_name: str) -> HttpResponseBase:
    """What the agent streams, as a file."""
    response = live.streamed(path, content_type=ZSTD)
    response["Content-Disposition"] = content_disposition_header(True, file_name) or "attachment"
    return response
