"""`/api/v1/images/{id}/`: what is inside an image, as its host tells it, and images as archives. A part of `api.py`."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from panel.accounts.actors import Actor
from panel.containers import live
from panel.containers.logs import AnyFormat
from panel.errors import Invalid, Missing
from panel.images import services
from panel.images.models import Image
from panel.images.serializers import ComparisonSerializer, FilePageSerializer, HistorySerializer, LayersSerializer

if TYPE_CHECKING:
    ViewSet = GenericViewSet[Image]
else:
    ViewSet = object

_ODD = re.compile(r"[^A-Za-z0-9._-]")
FILE_QUERY = ("search", "kind", "after", "limit")
TIMEOUT_S = 300
"""Layers of a million files take their time."""

OTHER = OpenApiParameter(
    "other", int, required=True, description="id of the image it is held against, on the same host"
)
FORMAT = OpenApiParameter("format", str, enum=services.ARCHIVE_FORMATS, description="`docker` if left out")
FILTERS = [
    OpenApiParameter("search", str, description="only paths that hold this, whatever its case"),
    OpenApiParameter("kind", str, enum=["added", "changed", "deleted"], description="all if left out"),
    OpenApiParameter("after", str, description="`next` of the page before"),
    OpenApiParameter("limit", int, description="at most so many, 500 if left out, 10,000 at the most"),
]
TAR_ANSWER = {(200, live.TAR): OpenApiResponse(OpenApiTypes.BINARY, "A tar.")}


class Inside(ViewSet):
    """What is inside an image."""

    @extend_schema(summary="Show how an image was made", responses=HistorySerializer)
    @action(detail=True, methods=["get"])
    def history(self, request: Request, pk: str) -> Response:
        """Its history, with the layers the steps made."""
        return Response(live.read(of(self.get_object(), "history")))

    @extend_schema(summary="List an image's layers", responses=LayersSerializer)
    @action(detail=True, methods=["get"])
    def layers(self, request: Request, pk: str) -> Response:
        """Its layers, with what each takes and does, and who shares it."""
        return Response(live.read(of(self.get_object(), "layers"), timeout_s=TIMEOUT_S))

    @extend_schema(
        summary="List files of an image by layer",
        description="What each layer adds, changes and deletes, layer by layer, sorted by path.",
        parameters=[OpenApiParameter("layer", int, description="only this one; the lowest is 1"), *FILTERS],
        responses=FilePageSerializer,
    )
    @action(detail=True, methods=["get"])
    def files(self, request: Request, pk: str) -> Response:
        """One page of them."""
        return Response(live.read(of(self.get_object(), "files"), asked(request, "layer"), timeout_s=TIMEOUT_S))

    @extend_schema(
        summary="Compare two images",
        description="What they have in common, and how their configurations differ; `other` is the later one.",
        parameters=[OTHER],
        responses=ComparisonSerializer,
    )
    @action(detail=True, methods=["get"])
    def comparison(self, request: Request, pk: str) -> Response:
        """Layers and configuration."""
        image = self.get_object()
        return Response(live.read(of(image, "comparison"), [("other", other_of(request, image).image_id)]))

    @extend_schema(
        summary="Compare the files of two images",
        description="What `other` has more, less, or another way; times do not count.",
        parameters=[OTHER, *FILTERS],
        responses=FilePageSerializer,
    )
    @action(detail=True, methods=["get"], url_path="comparison/files")
    def compared_files(self, request: Request, pk: str) -> Response:
        """One page of them."""
        image = self.get_object()
        query = [("other", other_of(request, image).image_id), *asked(request)]
        return Response(live.read(of(image, "comparison/files"), query, timeout_s=TIMEOUT_S))


class Saved(ViewSet):
    """Images as archives."""

    @extend_schema(
        summary="Download an image",
        description="With all its names, as `docker load` takes it or as an OCI archive. It is made while it is sent.",
        parameters=[FORMAT],
        responses=TAR_ANSWER,
    )
    @action(detail=True, methods=["get"], content_negotiation_class=AnyFormat)
    def archive(self, request: Request, pk: str) -> HttpResponseBase:
        """The image as one archive."""
        return saved(request, [self.get_object()])

    @extend_schema(
        operation_id="images_archive_several",
        summary="Download several images",
        description="In one archive; layers that they share are in it once.",
        parameters=[
            OpenApiParameter("id", int, required=True, many=True, description="of each image, all on one host"),
            FORMAT,
        ],
        responses=TAR_ANSWER,
    )
    @action(detail=False, methods=["get"], url_path="archive", content_negotiation_class=AnyFormat)
    def archives(self, request: Request) -> HttpResponseBase:
        """The images as one archive."""
        wanted = request.query_params.getlist("id")
        keys = [pk for pk in wanted if pk.isascii() and pk.isdigit() and len(pk) < 19]
        found = {str(image.pk): image for image in Image.objects.filter(pk__in=keys)}
        missing = [pk for pk in wanted if pk not in found]
        if missing:
            raise Missing(f"There is no image {missing[0][:40]}.", field="id")
        return saved(request, [found[pk] for pk in dict.fromkeys(wanted)])


def of(image: Image, what: str) -> str:
    """The agent's path for something of an image."""
    return f"images/{image.image_id}/{what}"


def asked(request: Request, *further: str) -> list[tuple[str, str]]:
    """What the query says of files, for the agent."""
    names = (*FILE_QUERY, *further)
    return [(name, request.query_params[name]) for name in names if request.query_params.get(name)]


def other_of(request: Request, image: Image) -> Image:
    """The image it is to be held against, of the same host. Raises Invalid, Missing."""
    pk = request.query_params.get("other", "")
    if not (pk.isascii() and pk.isdigit() and len(pk) < 19):
        raise Invalid("It must be the id of an image.", field="other")
    found = Image.objects.filter(pk=pk, host=image.host_id).first()
    if found is None:
        raise Missing(f"There is no image {pk} on the same host.", field="other")
    return found


def saved(request: Request, images: Sequence[Image]) -> HttpResponseBase:
    """The archive, streamed. That the images can be had is made sure of before."""
    form = request.query_params.get("format") or services.ARCHIVE_FORMATS[0]
    services.allow_save(actor=Actor.from_request(request), images=images, form=form)
    for image in images:
        live.read(of(image, "history"))
    names = [name for image in images for name in (image.references or [image.image_id])]
    query = [("format", form), *(("name", name) for name in names)]
    response = live.streamed("images/archive", query, content_type=live.TAR)
    response["Content-Disposition"] = f'attachment; filename="{file_name(images)}"'
    return response


def file_name(images: Sequence[Image]) -> str:
    """What a browser calls the archive: letters, digits and little else, whatever the images are called."""
    name = str(images[0]).rpartition("/")[2] if len(images) == 1 else f"{len(images)}-images"
    return _ODD.sub("-", name) + ".tar"
