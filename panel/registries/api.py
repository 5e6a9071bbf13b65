"""`/api/v1/registries/` and `/api/v1/credentials/`: how registries are reached and who signs in; secrets only go in."""

from typing import Any, cast

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from panel.accounts.actors import Actor
from panel.accounts.models import User
from panel.errors import Invalid
from panel.operations.api import ANSWERS, PREFER, accepted
from panel.registries import services
from panel.registries.models import Credential, Registry
from panel.rest.permissions import SIGNED_IN
from panel.rest.viewsets import ModelViewSet, asked

HOW = {
    "title": "Docker Hub",
    "ca_certificates": "",
    "is_insecure": False,
    "mirrors": ["https://mirror.example.org"],
    "is_enabled": True,
}
REGISTRY = OpenApiExample(
    "With a mirror",
    value={"id": 1, "name": "docker.io", **HOW, "created_at": "2026-01-01T00:00:00Z"},
    response_only=True,
)
NEW = OpenApiExample("With a mirror", value={"name": "docker.io", **HOW}, request_only=True)
CREDENTIAL = OpenApiExample(
    "One's own",
    value={
        "id": 1,
        "registry": "docker.io",
        "username": "ada",
        "is_identity_token": False,
        "user": "ada",
        "group": None,
        "last_used_at": None,
        "checked_at": "2026-01-01T00:00:00Z",
        "check_error": "",
        "created_by": "ada",
        "created_at": "2026-01-01T00:00:00Z",
    },
    response_only=True,
)
NEW_CREDENTIAL = OpenApiExample(
    "One's own", value={"registry": "docker.io", "username": "ada", "secret": "dckr_pat_…"}, request_only=True
)
DOCKER_CONFIG = OpenApiExample(
    "What docker login wrote",
    value={"auths": {"https://index.docker.io/v1/": {"auth": "YWRhOmRja3JfcGF0Xw=="}}},
    request_only=True,
)


@extend_schema_serializer(examples=[REGISTRY])
class RegistrySerializer(serializers.ModelSerializer[Registry]):
    """How a registry is reached. `name` is as references have it."""

    mirrors = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Registry
        fields = ("id", "name", "title", "ca_certificates", "is_insecure", "mirrors", "is_enabled", "created_at")
        read_only_fields = fields


class ChangeRegistrySerializer(serializers.Serializer[Any]):
    """What is changed of a registry; what is left out stays."""

    title = serializers.CharField(required=False, allow_blank=True, max_length=100, help_text="what people call it")
    ca_certificates = serializers.CharField(
        required=False, allow_blank=True, help_text="in PEM, believed beside the system's"
    )
    is_insecure = serializers.BooleanField(required=False, help_text="allow TLS that is not verified, and plain HTTP")
    mirrors = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="addresses tried first, in order, for pulls"
    )
    is_enabled = serializers.BooleanField(required=False, help_text="false: nothing is pulled or pushed")


@extend_schema_serializer(examples=[NEW])
class NewRegistrySerializer(ChangeRegistrySerializer):
    """A registry to be set up."""

    name = serializers.CharField(max_length=300, help_text="such as docker.io or registry.example.org:5000")


@extend_schema_view(list=extend_schema(summary="List registries"), retrieve=extend_schema(summary="Show a registry"))
class RegistryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Registry]):
    """Registries that are set up here; any other is reached as a public one."""

    queryset = Registry.objects.all()
    serializer_class = RegistrySerializer
    filterset_fields = ("name", "is_enabled")
    ordering_fields = ("name", "created_at")
    lookup_value_regex = r"\d+"
    permissions = {
        **dict.fromkeys(("list", "retrieve"), "registries.view"),
        **dict.fromkeys(("create", "partial_update", "destroy"), SIGNED_IN),
    }
    documented_permissions = dict.fromkeys(("create", "partial_update", "destroy"), "registries.manage")

    def get_queryset(self) -> QuerySet[Registry]:
        """All of them; the permission was checked."""
        return Registry.objects.all()

    @extend_schema(summary="Set up a registry", request=NewRegistrySerializer, responses={201: RegistrySerializer})
    def create(self, request: Request) -> Response:
        """Set it up."""
        how = asked(request, NewRegistrySerializer)
        registry = services.add(actor=Actor.from_request(request), name=how.pop("name"), how=how)
        return Response(RegistrySerializer(registry).data, status.HTTP_201_CREATED)

    @extend_schema(summary="Change a registry", request=ChangeRegistrySerializer, responses=RegistrySerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change how it is reached."""
        how = asked(request, ChangeRegistrySerializer)
        registry = services.change(actor=Actor.from_request(request), registry=self.get_object(), how=how)
        return Response(RegistrySerializer(registry).data)

    @extend_schema(summary="Forget a registry", description="With its credentials.")
    def destroy(self, request: Request, pk: str) -> Response:
        """Forget it."""
        services.remove(actor=Actor.from_request(request), registry=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_serializer(examples=[CREDENTIAL])
class CredentialSerializer(serializers.ModelSerializer[Credential]):
    """Who signs in at a registry; a user's own, a group's, or everybody's. The secret is never told."""

    registry = serializers.CharField(source="registry.name", read_only=True)
    user = serializers.CharField(source="user.username", read_only=True, allow_null=True, default=None)
    group = serializers.CharField(source="group.name", read_only=True, allow_null=True, default=None)
    created_by = serializers.CharField(source="created_by_name", read_only=True)

    class Meta:
        model = Credential
        fields = (
            "id registry username is_identity_token user group last_used_at checked_at check_error created_by "
            "created_at"
        ).split()
        read_only_fields = fields


@extend_schema_serializer(examples=[NEW_CREDENTIAL])
class NewCredentialSerializer(serializers.Serializer[Any]):
    """Who signs in; the same owner's older secret for that user name is replaced."""

    registry = serializers.CharField(max_length=300, help_text="its name, such as docker.io")
    username = serializers.CharField(max_length=255, required=False, default="", allow_blank=True)
    secret = serializers.CharField(
        max_length=16384, write_only=True, trim_whitespace=False, help_text="password, access token or identity token"
    )
    is_identity_token = serializers.BooleanField(required=False, default=False)
    is_own = serializers.BooleanField(
        required=False, default=True, help_text="false: for all, or for the group; takes registries.manage"
    )
    group = serializers.CharField(required=False, default="", allow_blank=True, help_text="the name of a group")


class ChangeCredentialSerializer(serializers.Serializer[Any]):
    """Another secret."""

    secret = serializers.CharField(max_length=16384, write_only=True, trim_whitespace=False)


@extend_schema_serializer(examples=[DOCKER_CONFIG])
class DockerConfigSerializer(serializers.Serializer[Any]):
    """What `docker login` wrote into `~/.docker/config.json`."""

    auths = serializers.DictField()


@extend_schema_view(
    list=extend_schema(summary="List credentials", description="Those that one may use; administrators see all."),
    retrieve=extend_schema(summary="Show a credential"),
)
class CredentialViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Credential]):
    """Who signs in at registries."""

    queryset = Credential.objects.all()
    serializer_class = CredentialSerializer
    filterset_fields = ("username",)
    ordering_fields = ("created_at", "last_used_at")
    lookup_value_regex = r"\d+"
    CHANGES = ("create", "partial_update", "destroy", "check_sign_in", "import_docker_config")
    permissions = {
        **dict.fromkeys(("list", "retrieve"), "registries.view"),
        **dict.fromkeys(CHANGES, SIGNED_IN),
    }
    documented_permissions = dict.fromkeys(CHANGES, "registries.use")

    def get_queryset(self) -> QuerySet[Credential]:
        """Those the user may know of."""
        if getattr(self, "swagger_fake_view", False):  # the OpenAPI document is made without a user
            return Credential.objects.none()
        rows = Credential.objects.all().visible_to(cast("User", self.request.user))
        return rows.select_related("registry", "user", "group")

    @extend_schema(summary="Keep a credential", request=NewCredentialSerializer, responses={201: CredentialSerializer})
    def create(self, request: Request) -> Response:
        """Keep it, encrypted."""
        wanted = asked(request, NewCredentialSerializer)
        wanted["group"] = group_named(wanted["group"])
        credential = services.add_credential(actor=Actor.from_request(request), **wanted)
        return Response(CredentialSerializer(credential).data, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a credential's secret", request=ChangeCredentialSerializer, responses=CredentialSerializer
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Give it another secret."""
        secret = asked(request, ChangeCredentialSerializer)["secret"]
        credential = self.get_object()
        services.change_secret(actor=Actor.from_request(request), credential=credential, secret=secret)
        return Response(CredentialSerializer(credential).data)

    @extend_schema(summary="Forget a credential")
    def destroy(self, request: Request, pk: str) -> Response:
        """Forget it."""
        services.remove_credential(actor=Actor.from_request(request), credential=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Check a sign-in",
        description="The host signs in at the registry and does nothing else; how it went is kept with the credential.",
        request=None,
        parameters=[PREFER],
        responses=ANSWERS,
    )
    @action(detail=True, methods=["post"], url_path="check")
    def check_sign_in(self, request: Request, pk: str) -> Response:
        """Sign in, and nothing else."""
        actor = Actor.from_request(request)
        return accepted(request, services.check_credential(actor=actor, credential=self.get_object()))

    @extend_schema(
        summary="Import Docker's sign-ins",
        description="The body is `~/.docker/config.json` as it is; every password in it is kept as one's own.",
        request=DockerConfigSerializer,
        responses={201: CredentialSerializer(many=True)},
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="import", pagination_class=None)
    def import_docker_config(self, request: Request) -> Response:
        """Keep each of them."""
        kept = services.import_docker_config(actor=Actor.from_request(request), config=request.data)
        return Response(CredentialSerializer(kept, many=True).data, status.HTTP_201_CREATED)


def group_named(name: str) -> Group | None:
    """The group of that name, None without a name. Raises Invalid."""
    if not name:
        return None
    group = Group.objects.filter(name=name).first()
    if group is None:
        raise Invalid(_("There is no group %(name)s.") % {"name": name}, field="group")
    return group
