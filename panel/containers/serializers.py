"""What containers look like in the REST API, and what may be said about them, with examples."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from engine import ContainerSpec, ExecSpec, PathStat, ProcessTable, Pruned, PruneFilters, Resources, Stats, Update
from panel.containers.meanings import DESCRIBED, TEXTS
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
    "image_is_outdated": False,
    "desired": "running",
    "status": "running",
    "run": 1,
    "pid": 4711,
    "exit_code": None,
    "oom_killed": False,
    "error": "",
    "health": "healthy",
    "restart_count": 0,
    "restart_at": None,
    "expires_at": None,
    "warnings": [],
    "mounted_images": [],
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
UPDATE = OpenApiExample(
    "More memory, no limit of processors",
    value={"resources": {"memory_bytes": 134217728, "cpus": None}, "restart": {"name": "unless-stopped"}},
    request_only=True,
)
EXEC = OpenApiExample("Who am I", value={"command": ["id"], "user": "nobody"}, request_only=True)
COMMIT = OpenApiExample(
    "With another command", value={"reference": "web:tried", "changes": ['CMD ["httpd", "-f"]']}, request_only=True
)
RENAME = OpenApiExample("Another name", value={"name": "clock-old"}, request_only=True)
PRUNE = OpenApiExample("But for what is kept", value={"without_labels": ["keep"]}, request_only=True)
WOULD_PRUNE = OpenApiExample(
    "One container",
    value={"containers": [{"id": ID, "name": "clock", "size_bytes": 49152}], "size_bytes": 49152},
    response_only=True,
)
WAITED = OpenApiExample(
    "It has ended",
    value={"is_met": True, "state": {"id": ID, "name": "clock", "status": "exited", "exit_code": 0}},
    response_only=True,
)
TOP = OpenApiExample(
    "One process",
    value={"titles": ["UID", "PID", "CMD"], "rows": [["root", "4711", "sh"]], "processes": []},
    response_only=True,
)
STATS = OpenApiExample(
    "Shortened",
    value={
        "id": ID,
        "run": 1,
        "read_at": "2026-01-01T00:00:01.000000Z",
        "cpu": {"total_ns": 21000000},
        "memory": {"usage_bytes": 1052672, "working_set_bytes": 921600, "limit_bytes": 67108864},
        "pids": {"current": 2, "limit": 64},
        "rates": None,
    },
    response_only=True,
)
PATH_STAT = OpenApiExample(
    "A file",
    value={"name": "passwd", "size": 340, "mode": 33188, "mtime_ns": 1767225600000000000, "link_target": ""},
    response_only=True,
)
INSPECT = OpenApiExample(
    "A container and its image",
    value={
        "container": TOLD,
        "image": {"id": IMAGE, "references": ["docker.io/library/busybox:latest"]},
        "config": {"ociVersion": "1.2.0", "process": {"args": ["sh"], "cwd": "/"}, "root": {"path": "rootfs"}},
        "config_error": "",
        "volumes": {"/data": "clock-data"},
        "networks": [{"interface": "eth0", "addresses": ["172.24.0.2/20"], "gateways": ["172.24.0.1"]}],
        "ports": [{"container_port": 80, "protocol": "tcp", "host_ip": "", "host_port": 8080}],
        "health_checks": None,
        "deaths": [{"run": 1, "exit_code": 137, "signal": 9, "oom_killed": True, "last_lines": ["Killed"]}],
    },
    response_only=True,
)


@extend_schema_serializer(examples=[CONTAINER])
class ContainerSerializer(serializers.ModelSerializer[Container]):
    """A container: what was asked (`spec`), what should be (`desired`) and what the host last said."""

    host = serializers.CharField(source="host_id", read_only=True)
    created_by = serializers.CharField(source="created_by_name", read_only=True)
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)
    mounted_images = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="ids of the images it mounts"
    )
    image_is_outdated = serializers.SerializerMethodField(
        help_text="the tag it was made from stands for another image at its registry by now"
    )

    class Meta:
        model = Container
        fields = (
            "id",
            "name",
            "host",
            "image",
            "image_id",
            "image_is_outdated",
            "desired",
            "status",
            "run",
            "pid",
            "exit_code",
            "oom_killed",
            "error",
            "health",
            "restart_count",
            "restart_at",
            "expires_at",
            "warnings",
            "mounted_images",
            "created_by",
            "created_at",
            "started_at",
            "finished_at",
            "spec",
        )
        read_only_fields = fields

    def get_image_is_outdated(self, container: Container) -> bool:
        """Of rows that were asked for it."""
        return bool(getattr(container, "image_is_outdated", False))


NewContainerSerializer = extend_schema_serializer(examples=[NEW])(
    DESCRIBED.serializer(
        ContainerSpec,
        name="NewContainer",
        about="What is asked of a new container; what is left out comes from the image, then from Docker's defaults.",
        without=("name",),
        further={
            "name": serializers.CharField(required=False, help_text=TEXTS["ContainerSpec"]["name"]),
            "start": serializers.BooleanField(required=False, default=True, help_text="start it at once"),
            "host": serializers.CharField(required=False, help_text="the first one if it is left out"),
            "pull": serializers.ChoiceField(
                ["never", "missing", "always"],
                required=False,
                default="never",
                help_text="pull its image before, and those it mounts",
            ),
        },
    )
)
UpdateSerializer = extend_schema_serializer(examples=[UPDATE])(
    DESCRIBED.serializer(
        Update,
        about="What is changed of a container, whether it runs or not; all of it or nothing.",
        without=("resources",),
        further={
            "resources": DESCRIBED.serializer(Resources, name="ResourcesChange", nullable=True)(
                required=False, help_text=TEXTS["Update"]["resources"]
            )
        },
    )
)
ExecSerializer = extend_schema_serializer(examples=[EXEC])(
    DESCRIBED.serializer(
        ExecSpec,
        name="Exec",
        about="One more program for a container that runs.",
        without=("terminal", "terminal_size", "stdin", "stdout", "stderr"),
        further={
            "detach": serializers.BooleanField(
                required=False, default=False, help_text="do not wait for its end; its output is dropped"
            ),
            "timeout_s": serializers.FloatField(
                required=False, default=60.0, help_text="it is killed after so many seconds, at most 300"
            ),
        },
    )
)
PruneSerializer = extend_schema_serializer(examples=[PRUNE])(
    DESCRIBED.serializer(
        PruneFilters,
        name="Prune",
        about="Which of the containers that do not run are meant; all of them unless something is said.",
        further={"host": serializers.CharField(required=False, help_text="the first one if it is left out")},
    )
)
PathStatSerializer = extend_schema_serializer(examples=[PATH_STAT])(DESCRIBED.plain(PathStat))
StatsSerializer = extend_schema_serializer(examples=[STATS])(DESCRIBED.plain(Stats))
ProcessTableSerializer = extend_schema_serializer(examples=[TOP])(DESCRIBED.plain(ProcessTable))


@extend_schema_serializer(examples=[RENAME])
class RenameSerializer(serializers.Serializer[Any]):
    """Its new name."""

    name = serializers.CharField(max_length=128)


@extend_schema_serializer(examples=[COMMIT])
class CommitSerializer(serializers.Serializer[Any]):
    """The image that is made of a container's files."""

    reference = serializers.CharField(required=False, default="", allow_blank=True, help_text="its name, `repo:tag`")
    author = serializers.CharField(required=False, default="", allow_blank=True)
    message = serializers.CharField(required=False, default="", allow_blank=True)
    changes = serializers.ListField(
        child=serializers.CharField(), required=False, help_text='lines of a Dockerfile, such as `CMD ["sh"]`'
    )
    pause = serializers.BooleanField(required=False, default=True, help_text="let it stand still meanwhile")


@extend_schema_serializer(examples=[WOULD_PRUNE])
class WouldPruneSerializer(serializers.Serializer[Any]):
    """What would be removed."""

    containers = DESCRIBED.plain(Pruned)(many=True)
    size_bytes = serializers.IntegerField(help_text="of all of them on the disk")


@extend_schema_serializer(examples=[WAITED])
class WaitedSerializer(serializers.Serializer[Any]):
    """What became of the wait."""

    is_met = serializers.BooleanField(help_text="whether it has come to that; false when the time was over before")
    state = serializers.DictField(allow_null=True, help_text="the container's state, as its host tells it")


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
    volumes = serializers.DictField(child=serializers.CharField(), help_text="names by the place they are mounted on")
    health_checks = serializers.DictField(allow_null=True, help_text="the last checks of its health")
    deaths = serializers.ListField(child=serializers.DictField(), help_text="how its last runs ended, the newest first")
    config_error = serializers.CharField(help_text="why what the host knows cannot be told; empty when it is")
