"""`/api/v1/images/`: pulls, pushes, names, and whether tags have moved. A part of `api.py`."""

from typing import TYPE_CHECKING, Any, cast

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from panel.accounts.actors import Actor
from panel.accounts.models import User
from panel.errors import Missing
from panel.images import services
from panel.images.models import Image, TrackedTag
from panel.operations.api import ANSWERS, PREFER, accepted
from panel.registries.models import Credential
from panel.rest.viewsets import asked

if TYPE_CHECKING:
    ViewSet = GenericViewSet[Image]
else:
    ViewSet = object

PULL = OpenApiExample("Debian for this host", value={"reference": "debian:bookworm"}, request_only=True)
PUSH = OpenApiExample(
    "To one's own registry", value={"reference": "registry.example.org/team/web:2"}, request_only=True
)
TAG = OpenApiExample("One more name", value={"reference": "web:tested"}, request_only=True)
TRACKED = OpenApiExample(
    "A tag that has moved",
    value={
        "reference": "docker.io/library/debian:bookworm",
        "is_current": False,
        "digest": "sha256:5f8df08cb938956a4febd1187ff5305872763a758505c6f6fc97c7740ffe7432",
        "checked_at": "2026-01-01T00:00:00Z",
        "error": "",
    },
    response_only=True,
)
CREDENTIAL = "the id of the credential to sign in with; the closest one that may be used if it is left out"


@extend_schema_serializer(examples=[PULL])
class PullSerializer(serializers.Serializer[Any]):
    """An image to be brought from its registry."""

    reference = serializers.CharField(help_text="its name; a registry, tag or digest may be part of it")
    platform = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="such as linux/arm64/v8; what suits the host best else"
    )
    credential = serializers.IntegerField(required=False, allow_null=True, default=None, help_text=CREDENTIAL)
    host = serializers.CharField(required=False, default="", help_text="the first one if it is left out")


@extend_schema_serializer(examples=[PUSH])
class PushSerializer(serializers.Serializer[Any]):
    """Where an image is to be brought."""

    reference = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="its name there; its own only name if left out"
    )
    credential = serializers.IntegerField(required=False, allow_null=True, default=None, help_text=CREDENTIAL)


@extend_schema_serializer(examples=[TAG])
class TagSerializer(serializers.Serializer[Any]):
    """One more name."""

    reference = serializers.CharField()


@extend_schema_serializer(examples=[TRACKED])
class TrackedTagSerializer(serializers.ModelSerializer[TrackedTag]):
    """A name of an image, and whether its registry still gives out this image for it."""

    class Meta:
        model = TrackedTag
        fields = ("reference", "is_current", "digest", "checked_at", "error")
        read_only_fields = fields


class Transfers(ViewSet):
    """Between a host and registries."""

    @extend_schema(
        summary="Pull an image",
        description="Who asks for what is being pulled already gets that operation.",
        request=PullSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
    )
    @action(detail=False, methods=["post"])
    def pull(self, request: Request) -> Response:
        """Have a host bring it."""
        wanted = asked(request, PullSerializer)
        wanted["credential"] = credential_of(request, wanted["credential"])
        return accepted(request, services.pull(actor=Actor.from_request(request), **wanted))

    @extend_schema(summary="Push an image", request=PushSerializer, parameters=[PREFER], responses=ANSWERS)
    @action(detail=True, methods=["post"])
    def push(self, request: Request, pk: str) -> Response:
        """Have its host bring it there."""
        wanted = asked(request, PushSerializer)
        wanted["credential"] = credential_of(request, wanted["credential"])
        return accepted(request, services.push(actor=Actor.from_request(request), image=self.get_object(), **wanted))

    @extend_schema(
        summary="Give an image one more name",
        description="Another image of the host that has it loses it.",
        request=TagSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
    )
    @action(detail=True, methods=["post"])
    def tag(self, request: Request, pk: str) -> Response:
        """Name it."""
        wanted = asked(request, TagSerializer)
        return accepted(request, services.tag(actor=Actor.from_request(request), image=self.get_object(), **wanted))

    @extend_schema(
        summary="Tell whether an image's tags have moved",
        description="What their registries said last. Tags that were pulled are asked about every few hours.",
        responses=TrackedTagSerializer(many=True),
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def updates(self, request: Request, pk: str) -> Response:
        """What is known of them."""
        image = self.get_object()
        tags = TrackedTag.objects.filter(host=image.host_id, image_id=image.image_id)
        return Response(TrackedTagSerializer(tags, many=True).data)

    @extend_schema(
        summary="Ask whether an image's tags have moved",
        description="Its host asks their registries, by digest and without pulling anything.",
        request=None,
        parameters=[PREFER],
        responses=ANSWERS,
    )
    @action(detail=True, methods=["post"])
    def check_updates(self, request: Request, pk: str) -> Response:
        """Have its host ask."""
        return accepted(request, services.check_updates(actor=Actor.from_request(request), image=self.get_object()))


def credential_of(request: Request, number: int | None) -> Credential | None:
    """The credential somebody names. Raises Missing for one they may not know of."""
    if number is None:
        return None
    known = Credential.objects.all().visible_to(cast("User", request.user))
    credential = known.filter(pk=number).select_related("registry").first()
    if credential is None:
        raise Missing(_("There is no such credential."), field="credential")
    return credential
