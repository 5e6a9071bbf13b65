"""`/api/v1/me/` and `/api/v1/tokens/`: who one is, and one's own API tokens."""

from datetime import timedelta
from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from panel.accounts import services
from panel.accounts.actors import Actor
from panel.accounts.models import Token
from panel.accounts.roles import PERMISSIONS
from panel.rest.permissions import SIGNED_IN
from panel.rest.viewsets import ModelViewSet

ME = OpenApiExample(
    "By a token that may only look",
    value={"username": "vera", "how": "token", "roles": ["viewer"], "permissions": ["containers.view"]},
    response_only=True,
)
TOLD = {
    "id": "moorage_4f2a9c1",
    "name": "monitoring",
    "scopes": ["containers.view"],
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-04-01T00:00:00Z",
}
TOKEN = OpenApiExample("A token", value=TOLD, response_only=True)
CREATED = OpenApiExample("A new token", value=TOLD | {"token": "moorage_4f2a9c1…72 characters"}, response_only=True)
NEW = OpenApiExample(
    "Only to look",
    value={"name": "monitoring", "scopes": ["containers.view"], "expires_in_days": 90},
    request_only=True,
)


@extend_schema_serializer(examples=[ME])
class MeSerializer(serializers.Serializer[Any]):
    """Who is asking, how they proved it, and what they may do."""

    username = serializers.CharField()
    how = serializers.ChoiceField(["session", "token"])
    roles = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(child=serializers.CharField())


class MeView(APIView):
    """Who is asking."""

    permissions = {"get": SIGNED_IN}

    @extend_schema(summary="Show who is asking", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Name, roles and permissions; a token's scopes narrow the latter."""
        actor = Actor.from_request(request)
        assert actor.user is not None  # noqa: S101 - the declared permission saw to it
        return Response(
            {
                "username": actor.name,
                "how": actor.how.value,
                "roles": sorted(actor.user.groups.values_list("name", flat=True)),
                "permissions": sorted(permission for permission in PERMISSIONS if actor.may(permission)),
            }
        )


@extend_schema_serializer(examples=[TOKEN])
class TokenSerializer(serializers.ModelSerializer[Token]):
    """An API token, without its secret. `id` is how it begins."""

    id = serializers.CharField(source="token_key", read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    created_at = serializers.DateTimeField(source="created", read_only=True)
    expires_at = serializers.DateTimeField(source="expiry", read_only=True, allow_null=True)

    class Meta:
        model = Token
        fields = ("id", "name", "scopes", "created_at", "expires_at")
        read_only_fields = fields


@extend_schema_serializer(examples=[NEW])
class NewTokenSerializer(serializers.Serializer[Any]):
    """What is asked of a new token; without scopes it may do all its user may."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(child=serializers.CharField(), required=False, default=list)
    expires_in_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=3650)


@extend_schema_serializer(examples=[CREATED])
class CreatedTokenSerializer(TokenSerializer):
    """A new token with its secret, which is shown this once."""

    token = serializers.CharField(read_only=True)

    class Meta:
        model = Token
        fields = ("id", "name", "scopes", "created_at", "expires_at", "token")
        read_only_fields = fields


@extend_schema_view(list=extend_schema(summary="List one's own tokens"))
class TokenViewSet(mixins.ListModelMixin, ModelViewSet[Token]):
    """One's own API tokens."""

    queryset = Token.objects.all()
    serializer_class = TokenSerializer
    ordering_fields = ("created",)
    lookup_field = "token_key"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[A-Za-z0-9_]{1,25}"
    permissions = dict.fromkeys(("list", "create", "destroy"), SIGNED_IN)

    def get_queryset(self) -> QuerySet[Token]:
        """One's own."""
        if getattr(self, "swagger_fake_view", False):  # the OpenAPI document is made without a user
            return cast("QuerySet[Token]", Token.objects.none())
        return cast("QuerySet[Token]", Token.objects.filter(user_id=self.request.user.pk))

    @extend_schema(
        summary="Create a token",
        request=NewTokenSerializer,
        responses={201: CreatedTokenSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make a token; its secret is in this answer and nowhere else."""
        form = NewTokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        actor = Actor.from_request(request)
        assert actor.user is not None  # noqa: S101 - the declared permission saw to it
        days = form.validated_data.get("expires_in_days")
        token, secret = services.create_token(
            actor=actor,
            user=actor.user,
            name=form.validated_data["name"],
            scopes=frozenset(form.validated_data["scopes"]),
            expires_in=timedelta(days=days) if days else None,
        )
        return Response({**TokenSerializer(token).data, "token": secret}, status.HTTP_201_CREATED)

    @extend_schema(summary="Revoke a token")
    def destroy(self, request: Request, id: str) -> Response:  # noqa: A002 - the address's own word
        """Take it back."""
        services.revoke_token(actor=Actor.from_request(request), token=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)
