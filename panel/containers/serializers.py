"""What containers look like in the REST API, and what may be said about them, with examples."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from panel.containers.models import Container

ID = "9d0cb4f1a3e27c5886d1f0a4be93725c1d6f8a02e4b79c3350f1827d6ea4c9b0"
IMAGE = "sha256:5f8df08cb938956a4febd1187ff5305872763a758505c6f6fc97c7740ffe7432"
ASKED = {
    "name": "clock",
    "image": "busybox:latest",
    "command": ["sh", "-c", "while :; do date; sleep 1; done"],
    "resources": {"memory_bytes": 67108864, "pids": 64},
}
TOLD = {
    "id": ID,
    "name": "clock",
    "host": "local",
    "image": "busybox:latest",
    "image_id": IMAGE,
    "desired": "running",
    "status": "running",
    "run": 1,
    "pid": 4711,
    "exit_code": None,
    "oom_killed": False,
    "error": "",
    "created_by": "admin",
    "created_at": "2026-01-01T00:00:00.000000Z",
    "started_at": "2026-01-01T00:00:00.019000Z",
    "finished_at": None,
    "spec": ASKED,
}

CONTAINER = OpenApiExample("A running container", value=TOLD, response_only=True)
NEW = OpenApiExample("A line a second", value=ASKED | {"start": True}, request_only=True)
STOP = OpenApiExample("Half a minute's grace", value={"timeout_s": 30}, request_only=True)
RESTART = OpenApiExample("At once", value={"timeout_s": 0}, request_only=True)
KILL = OpenApiExample("Reload the configuration", value={"signal": "HUP"}, request_only=True)
INSPECT = OpenApiExample(
    "A container and its image",
    value={
        "container": TOLD,
        "image": {"id": IMAGE, "references": ["docker.io/library/busybox:latest"]},
        "config": {"ociVersion": "1.2.0", "process": {"args": ["sh"], "cwd": "/"}, "root": {"path": "rootfs"}},
        "config_error": "",
    },
    response_only=True,
)


@extend_schema_serializer(examples=[CONTAINER])
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

    memory_bytes = serializers.IntegerField(required=False, allow_null=True, help_text="at least 4096")
    cpus = serializers.FloatField(required=False, allow_null=True, help_text="whole processors; 0.5 is half of one")
    cpu_shares = serializers.IntegerField(required=False, allow_null=True, help_text="weight, 2 to 262144")
    pids = serializers.IntegerField(required=False, allow_null=True, help_text="most processes and threads")


class RlimitSerializer(serializers.Serializer[Any]):
    """A limit of setrlimit(2); -1 is unlimited."""

    soft = serializers.IntegerField()
    hard = serializers.IntegerField()


@extend_schema_serializer(examples=[NEW])
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
    network = serializers.CharField(required=False, help_text="`none`, `host` or `container:<id or name>`")
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


@extend_schema_serializer(examples=[STOP])
class StopSerializer(serializers.Serializer[Any]):
    """How to stop; what is left out comes from the container."""

    signal = serializers.CharField(required=False, allow_null=True)
    timeout_s = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=86400)


@extend_schema_serializer(examples=[RESTART])
class RestartSerializer(serializers.Serializer[Any]):
    """How long the stop may take."""

    timeout_s = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=86400)


@extend_schema_serializer(examples=[KILL])
class KillSerializer(serializers.Serializer[Any]):
    """Which signal to send."""

    signal = serializers.CharField(required=False, default="KILL")


@extend_schema_serializer(examples=[INSPECT])
class InspectSerializer(serializers.Serializer[Any]):
    """Everything that is known of a container."""

    container = ContainerSerializer()
    image = serializers.DictField(allow_null=True, help_text="what the host tells about the image")
    config = serializers.DictField(allow_null=True, help_text="the OCI bundle's config.json on its host")
    config_error = serializers.CharField(help_text="why `config` cannot be told; empty when it is")
