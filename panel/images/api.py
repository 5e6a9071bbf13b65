"""`/api/v1/images/`: images of the hosts; archives are uploaded as the raw body of a request."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_serializer,
    extend_schema_view,
)
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from panel.accounts.actors import Actor
from panel.hosts.choice import host_named
from panel.images import services
from panel.images.models import Image
from panel.images.pruning import prunable
from panel.images.reading import Inside, Saved
from panel.images.serializers import PrunedImagesSerializer, PruneImagesSerializer
from panel.images.transfers import Transfers
from panel.operations.api import ANSWERS, PREFER, OperationSerializer, accepted
from panel.rest.documents import document, taken
from panel.rest.pagination import Pages
from panel.rest.permissions import SIGNED_IN
from panel.rest.queries import is_set
from panel.rest.viewsets import ModelViewSet, asked
from panel.uploads import tickets

EXAMPLE = OpenApiExample(
    "An image",
    value={
        "id": 1,
        "host": "local",
        "image_id": "sha256:5f8df08cb938956a4febd1187ff5305872763a758505c6f6fc97c7740ffe7432",
        "references": ["docker.io/library/busybox:latest"],
        "size_bytes": 1982354,
        "shared_bytes": 0,
        "architecture": "amd64",
        "os": "linux",
        "created_at": "2026-01-01T00:00:00Z",
        "is_outdated": False,
        "config": {"command": ["sh"], "env": ["PATH=/bin"]},
    },
    response_only=True,
)
LISTED = OpenApiExample(
    "An image in a list",
    value={name: value for name, value in EXAMPLE.value.items() if name != "config"},
    response_only=True,
)


COLUMNS = (
    "id",
    "host",
    "image_id",
    "references",
    "size_bytes",
    "shared_bytes",
    "architecture",
    "os",
    "created_at",
    "is_outdated",
)


@extend_schema_serializer(examples=[LISTED])
class ListedImageSerializer(serializers.ModelSerializer[Image]):
    """An image on one host, as lists have it."""

    host = serializers.CharField(source="host_id", read_only=True)
    references = serializers.ListField(child=serializers.CharField(), read_only=True)
    is_outdated = serializers.BooleanField(
        read_only=True, help_text="a tag of it stands for another image at its registry by now"
    )
    shared_bytes = serializers.IntegerField(read_only=True, help_text="of its size, what other images have too")

    class Meta:
        model = Image
        fields: tuple[str, ...] = COLUMNS
        read_only_fields = COLUMNS

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """The columns as they are: a host may have a thousand images, and REST framework's fields are slow."""
        row: dict[str, Any] = instance
        created_at = row["created_at"]
        return row | {
            "created_at": created_at and created_at.isoformat().replace("+00:00", "Z"),
            "is_outdated": bool(row["references"] and row["is_outdated"]),
        }


@extend_schema_serializer(examples=[EXAMPLE])
class ImageSerializer(ListedImageSerializer):
    """An image on one host. `config` is all that the engine tells about it."""

    config = serializers.DictField(read_only=True)

    class Meta(ListedImageSerializer.Meta):
        fields = (*COLUMNS, "config")

    def to_representation(self, instance: Image) -> dict[str, Any]:
        """With its configuration."""
        row = {name: getattr(instance, name) for name in COLUMNS}
        return super().to_representation(row | {"host": instance.host_id}) | {"config": instance.config}


class ImagePages(Pages):
    """All images of a host on one page, if so many are asked for."""

    max_page_size = 1000


BOOTSTRAP = OpenApiExample(
    "Debian, from a mirror at home",
    value={
        "reference": "debian:bookworm",
        "suite": "bookworm",
        "mirror": "http://mirror.example.org/debian",
        "packages": ["ca-certificates"],
    },
    request_only=True,
)


PRUNE_ANSWER = PolymorphicProxySerializer(
    component_name="PrunedImagesOrOperation",
    serializers=[PrunedImagesSerializer, OperationSerializer],
    resource_type_field_name=None,
)
"""By `dry_run`, or when the operation has ended."""


@extend_schema_serializer(examples=[BOOTSTRAP])
class BootstrapSerializer(serializers.Serializer[Any]):
    """A distribution, and the image it becomes."""

    reference = serializers.CharField(help_text="the image's name")
    suite = serializers.CharField(help_text="its code name: bookworm, trixie, jammy, noble")
    mirror = serializers.CharField(
        required=False, allow_blank=True, help_text="an http or https URL; the distribution's own if left out"
    )
    components = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="main if left out; Ubuntu has universe, too"
    )
    packages = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="beside the smallest set that has apt"
    )
    keyring = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="file name of a keyring of the host's, in /usr/share/keyrings or /etc/apt/keyrings, that signs it",
    )


class ImageFilter(filters.FilterSet):  # type: ignore[misc]
    """`?host=&image_id=&architecture=`."""

    class Meta:
        model = Image
        fields = ("host", "image_id", "architecture")


HOST = OpenApiParameter("host", str, description="the first host if it is left out")
FILE_NAME = OpenApiParameter("file_name", str, description="what the file is called, for the audit log")
BODY = {("application/x-tar"): OpenApiTypes.BINARY, "application/octet-stream": OpenApiTypes.BINARY}


@extend_schema_view(
    list=extend_schema(
        summary="List images",
        description="The newest first, up to 1,000 a page.",
        responses=ListedImageSerializer(many=True),
    ),
    retrieve=extend_schema(summary="Show an image"),
)
class ImageViewSet(Inside, Saved, Transfers, mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Image]):
    """Images of all hosts."""

    queryset = Image.objects.all()
    serializer_class = ImageSerializer
    pagination_class = ImagePages
    filterset_class = ImageFilter
    ordering_fields = ("created_at", "size_bytes")
    lookup_value_regex = r"\d+"
    documented_permissions = {
        **dict.fromkeys(("load", "import_rootfs", "bootstrap"), "images.load"),
        **dict.fromkeys(("archive", "archives"), "images.save"),
        **dict.fromkeys(("destroy", "prune"), "images.delete"),
        **dict.fromkeys(("pull", "check_updates"), "images.pull"),
        "push": "images.push",
        "tag": "images.tag",
    }
    permissions = {
        **dict.fromkeys(("list", "retrieve", "history", "layers", "files", "updates"), "images.view"),
        **dict.fromkeys(("comparison", "compared_files"), "images.view"),
        # Their services ask, so that a refusal is an audit row.
        **dict.fromkeys(documented_permissions, SIGNED_IN),
    }

    def get_queryset(self) -> QuerySet[Any]:
        """All of them; the permission was checked. A list is made of their columns alone."""
        images = Image.objects.with_updates()
        return images.values(*COLUMNS) if self.action == "list" else images

    def get_serializer_class(self) -> type[ListedImageSerializer]:
        """A list tells less of each."""
        return ListedImageSerializer if self.action == "list" else ImageSerializer

    @extend_schema(
        summary="Load an image archive",
        description=(
            "The request's body is the archive itself: what `docker save` writes, or an OCI archive; plain, gzip or "
            "zstd. For example `curl --data-binary @image.tar -H 'Content-Type: application/x-tar'`."
        ),
        request=BODY,
        parameters=[PREFER, HOST, FILE_NAME],
        responses=ANSWERS,
    )
    @action(detail=False, methods=["post"])
    def load(self, request: Request) -> Response:
        """Allow the upload; its body is streamed to the host by `panel.uploads.asgi`."""
        return allow(services.allow_load(actor=Actor.from_request(request), **query(request, "host", "file_name")))

    @extend_schema(
        summary="Import a root filesystem",
        description="The request's body is a tarball of a root filesystem; it becomes an image of one layer.",
        request=BODY,
        parameters=[
            PREFER,
            HOST,
            OpenApiParameter("reference", str, required=True, description="the image's name, such as debian:12"),
        ],
        responses=ANSWERS,
    )
    @action(detail=False, methods=["post"], url_path="import")
    def import_rootfs(self, request: Request) -> Response:
        """Allow the upload; its body is streamed to the host by `panel.uploads.asgi`."""
        return allow(services.allow_import(actor=Actor.from_request(request), **query(request, "host", "reference")))

    @extend_schema(
        summary="Make an image of a distribution",
        description=(
            "From a mirror of Debian or of a distribution made like it; no registry is needed. The packages are "
            "verified on the host and configured in a container without network."
        ),
        request=BootstrapSerializer,
        parameters=[PREFER, HOST],
        responses=ANSWERS,
    )
    @action(detail=False, methods=["post"])
    def bootstrap(self, request: Request) -> Response:
        """Have a host do it."""
        operation = services.bootstrap(
            actor=Actor.from_request(request), asked=asked(request, BootstrapSerializer), **query(request, "host")
        )
        return accepted(request, operation)

    @extend_schema(
        summary="Remove an image",
        description="Refused while a container uses it, unless forced.",
        parameters=[
            PREFER,
            OpenApiParameter("reference", str, description="take only this name away; the image goes with its last"),
            OpenApiParameter("force", bool, description="although it has several names"),
        ],
        responses=ANSWERS,
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it or one of its names."""
        operation = services.remove(
            actor=Actor.from_request(request),
            image=self.get_object(),
            name=request.query_params.get("reference", ""),
            force=is_set(request, "force"),
        )
        return accepted(request, operation)

    @extend_schema(
        summary="Remove the images that are not used",
        description=(
            "Never one that a container uses. With `dry_run` the answer is at once what would go and what would come "
            "free, and takes only `images.view`; else the operation's result tells the same of what went."
        ),
        request=PruneImagesSerializer,
        parameters=[PREFER],
        responses={**ANSWERS, 200: PRUNE_ANSWER},
    )
    @action(detail=False, methods=["post"])
    def prune(self, request: Request) -> Response:
        """Remove those that are meant, or tell which these are."""
        asked = document(request)
        dry_run, host = taken(asked, "dry_run", bool, False), host_named(taken(asked, "host", str, ""))
        if dry_run:
            return Response(prunable(Actor.from_request(request), asked))
        return accepted(request, services.prune(actor=Actor.from_request(request), host=host, filters=asked))


def allow(ticket: tickets.Ticket) -> Response:
    """The answer that lets the body be streamed."""
    return Response(status=202, headers={tickets.UPLOAD_HEADER: tickets.issue(ticket)})


def query(request: Request, *names: str) -> dict[str, Any]:
    """Those query parameters, empty where they are left out."""
    return {name: request.query_params.get(name, "") for name in names}
