"""`/api/v1/registry/`: what is in the panel's own registry, and what is kept of it. Images come and go by `/v2/`."""

from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Count, Max, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_serializer,
    extend_schema_view,
)
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from panel.accounts.actors import Actor
from panel.accounts.models import User
from panel.distribution import governing, services
from panel.distribution.governing import Change, RuleValue
from panel.distribution.models import Namespace, Repository, Rule, Tag
from panel.rest.permissions import SIGNED_IN
from panel.rest.queries import is_set
from panel.rest.viewsets import ModelViewSet

PULL = "distribution.pull"
DIGEST = "sha256:5f8df08cb938956a4febd1187ff5305872763a758505c6f6fc97c7740ffe7432"
REPOSITORY = OpenApiExample(
    "A repository",
    value={
        "id": 1,
        "name": "team/app",
        "namespace": "team",
        "tag_count": 12,
        "pushed_at": "2026-01-01T00:00:00Z",
        "created_at": "2026-01-01T00:00:00Z",
    },
    response_only=True,
)
TAG = OpenApiExample(
    "A tag",
    value={
        "name": "1.0",
        "digest": DIGEST,
        "media_type": "application/vnd.oci.image.index.v1+json",
        "artifact_type": "",
        "size_bytes": 93000000,
        "platforms": ["linux/amd64", "linux/arm64"],
        "pushed_by": "olga",
        "pushed_at": "2026-01-01T00:00:00Z",
        "pulled_at": None,
    },
    response_only=True,
)
RULE = {"repositories": "*", "tags": "build-*", "keep_last": 10, "keep_days": 30}
NAMESPACE = OpenApiExample(
    "A namespace",
    value={
        "name": "team",
        "owner": "olga",
        "group": None,
        "visibility": "internal",
        "immutable_tags": ["v*"],
        "untagged_days": 7,
        "rules": [RULE],
        "created_at": "2026-01-01T00:00:00Z",
    },
    response_only=True,
)
GONE = OpenApiExample(
    "An old build", value={"tags": ["team/app:build-7"], "manifests": [f"team/app@{DIGEST}"]}, response_only=True
)
NEW = OpenApiExample("A namespace of Olga's", value={"name": "team", "owner": "olga"}, request_only=True)
CHANGE = OpenApiExample(
    "Builds stay a month, releases for ever",
    value={"immutable_tags": ["v*"], "untagged_days": 7, "rules": [RULE]},
    request_only=True,
)


class RuleSerializer(serializers.ModelSerializer[Rule]):
    """What is kept of the tags it matches: the last so many of a repository, and those younger than so many days."""

    class Meta:
        model = Rule
        fields = ("repositories", "tags", "keep_last", "keep_days")
        extra_kwargs = {
            "repositories": {"help_text": "a pattern of what follows the namespace in repositories' names"},
            "tags": {"help_text": "a pattern of tags"},
        }


@extend_schema_serializer(examples=[NAMESPACE])
class NamespaceSerializer(serializers.ModelSerializer[Namespace]):
    """A namespace: the first part of repositories' names."""

    owner = serializers.CharField(source="owner.username", default=None, read_only=True, allow_null=True)
    group = serializers.CharField(source="group.name", default=None, read_only=True, allow_null=True)
    immutable_tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    rules = RuleSerializer(many=True, read_only=True)

    class Meta:
        model = Namespace
        fields = ("name", "owner", "group", "visibility", "immutable_tags", "untagged_days", "rules", "created_at")
        read_only_fields = fields


@extend_schema_serializer(examples=[NEW])
class NewNamespaceSerializer(serializers.Serializer[Any]):
    """A namespace to be made: one's own, if no owner is named."""

    name = serializers.CharField(max_length=100)
    owner = serializers.SlugRelatedField("username", queryset=User.objects.all(), required=False, allow_null=True)
    group = serializers.SlugRelatedField("name", queryset=Group.objects.all(), required=False, allow_null=True)
    visibility = serializers.ChoiceField(Namespace.Visibility.choices, required=False)


@extend_schema_serializer(examples=[CHANGE])
class NamespaceChangeSerializer(serializers.Serializer[Any]):
    """What is to be changed of a namespace; the rules are replaced as a whole."""

    owner = serializers.SlugRelatedField("username", queryset=User.objects.all(), required=False, allow_null=True)
    group = serializers.SlugRelatedField("name", queryset=Group.objects.all(), required=False, allow_null=True)
    visibility = serializers.ChoiceField(Namespace.Visibility.choices, required=False)
    immutable_tags = serializers.ListField(child=serializers.CharField(), required=False)
    untagged_days = serializers.IntegerField(required=False, allow_null=True)
    rules = RuleSerializer(many=True, required=False)

    def change(self, namespace: Namespace) -> Change:
        """What is asked of `namespace`."""
        asked = self.validated_data
        has_owners = "owner" in asked or "group" in asked
        owners = (asked.get("owner", namespace.owner), asked.get("group", namespace.group))
        return Change(
            visibility=asked.get("visibility"),
            immutable_tags=asked.get("immutable_tags"),
            untagged_days=asked.get("untagged_days"),
            keeps_untagged="untagged_days" in asked and asked["untagged_days"] is None,
            rules=[RuleValue(**rule) for rule in asked["rules"]] if "rules" in asked else None,
            owners=owners if has_owners else None,
        )


@extend_schema_serializer(examples=[GONE])
class GoneSerializer(serializers.Serializer[Any]):
    """What the rules let go: `team/app:1.0`, `team/app@sha256:…`."""

    tags = serializers.ListField(child=serializers.CharField())
    manifests = serializers.ListField(child=serializers.CharField())


@extend_schema_serializer(examples=[REPOSITORY])
class RepositorySerializer(serializers.ModelSerializer[Repository]):
    """A repository."""

    namespace = serializers.CharField(source="namespace.name", read_only=True)
    tag_count = serializers.IntegerField(read_only=True)
    pushed_at = serializers.DateTimeField(read_only=True, allow_null=True)

    class Meta:
        model = Repository
        fields = ("id", "name", "namespace", "tag_count", "pushed_at", "created_at")
        read_only_fields = fields


@extend_schema_serializer(examples=[TAG])
class TagSerializer(serializers.ModelSerializer[Tag]):
    """A tag and what it names."""

    digest = serializers.CharField(source="manifest.digest", read_only=True)
    media_type = serializers.CharField(source="manifest.media_type", read_only=True)
    artifact_type = serializers.CharField(source="manifest.artifact_type", read_only=True)
    size_bytes = serializers.IntegerField(source="manifest.total_bytes", read_only=True)
    platforms = serializers.ListField(source="manifest.platforms", child=serializers.CharField(), read_only=True)
    pushed_by = serializers.CharField(source="moved_by.username", default=None, read_only=True, allow_null=True)
    pushed_at = serializers.DateTimeField(source="moved_at", read_only=True)
    pulled_at = serializers.DateTimeField(source="manifest.pulled_at", read_only=True, allow_null=True)

    class Meta:
        model = Tag
        fields = (
            "name",
            "digest",
            "media_type",
            "artifact_type",
            "size_bytes",
            "platforms",
            "pushed_by",
            "pushed_at",
            "pulled_at",
        )
        read_only_fields = fields


class RepositoryFilter(filters.FilterSet):  # type: ignore[misc]
    """`?namespace=&name=`."""

    namespace = filters.CharFilter("namespace__name")

    class Meta:
        model = Repository
        fields = ("namespace", "name")


@extend_schema_view(
    list=extend_schema(summary="List repositories of the own registry", description="Those one may pull from."),
    retrieve=extend_schema(summary="Show a repository of the own registry"),
)
class RepositoryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Repository]):
    """Repositories of the panel's own registry."""

    queryset = Repository.objects.all()
    serializer_class = RepositorySerializer
    filterset_class = RepositoryFilter
    ordering_fields = ("name", "pushed_at", "created_at", "tag_count")
    lookup_value_regex = r"\d+"
    permissions = {
        **dict.fromkeys(("list", "retrieve", "tags"), PULL),
        **dict.fromkeys(("destroy", "delete_tag", "delete_manifest"), SIGNED_IN),  # their services ask
    }
    documented_permissions = dict.fromkeys(("destroy", "delete_tag", "delete_manifest"), "distribution.delete")

    def get_queryset(self) -> QuerySet[Repository]:
        """Those one may pull from."""
        if getattr(self, "swagger_fake_view", False):  # the OpenAPI document is made without a user
            return Repository.objects.all()
        rows = Repository.objects.readable_by(Actor.from_request(self.request)).select_related("namespace")
        return rows.annotate(tag_count=Count("tags"), pushed_at=Max("tags__moved_at")).order_by("name")

    @extend_schema(
        summary="List a repository's tags",
        description="The newest first.",
        parameters=[OpenApiParameter("search", str, description="Text to look for in tags and digests.")],
        responses=TagSerializer(many=True),
    )
    @action(detail=True, methods=["get"], filterset_class=None, ordering_fields=(), filter_backends=())
    def tags(self, request: Request, pk: str) -> Response:
        """With what they name."""
        rows = Tag.objects.filter(repository=self.get_object()).select_related("manifest", "moved_by")
        if text := request.query_params.get("search", "").strip():
            rows = rows.search(text)
        page: Any = self.paginate_queryset(rows.defer("manifest__content"))  # type: ignore[arg-type]  # tags
        return self.get_paginated_response(TagSerializer(page, many=True).data)

    @extend_schema(summary="Delete a repository", description="With all its tags and manifests.")
    def destroy(self, request: Request, pk: str) -> Response:
        """Refused while one of its tags is immutable."""
        governing.delete_repository(actor=Actor.from_request(request), repository=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Delete a tag", description="What it names stays, untagged.", responses={204: None})
    @action(detail=True, methods=["delete"], url_path=r"tags/(?P<tag>[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127})")
    def delete_tag(self, request: Request, pk: str, tag: str) -> Response:
        """Refused if it is immutable."""
        services.delete_tag(actor=Actor.from_request(request), repository=self.get_object(), tag=tag)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Delete a manifest", description="With its tags.", responses={204: None})
    @action(detail=True, methods=["delete"], url_path=r"manifests/(?P<digest>sha[0-9]{3}:[0-9a-f]+)")
    def delete_manifest(self, request: Request, pk: str, digest: str) -> Response:
        """Refused if an index is made of it, or a tag of it is immutable."""
        services.delete_manifest(actor=Actor.from_request(request), repository=self.get_object(), digest=digest)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    list=extend_schema(summary="List namespaces of the own registry"),
    retrieve=extend_schema(summary="Show a namespace of the own registry"),
)
class NamespaceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ModelViewSet[Namespace]):
    """Namespaces of the panel's own registry."""

    queryset = Namespace.objects.all()
    serializer_class = NamespaceSerializer
    ordering_fields = ("name", "created_at")
    lookup_field = lookup_url_kwarg = "name"
    lookup_value_regex = "[a-z0-9._-]+"
    permissions = {
        **dict.fromkeys(("list", "retrieve"), PULL),
        **dict.fromkeys(("create", "partial_update", "destroy", "retain"), SIGNED_IN),  # their services ask
    }
    documented_permissions = {
        **dict.fromkeys(("create", "destroy"), "distribution.manage"),
        "partial_update": "distribution.push",
        "retain": "distribution.delete",
    }

    def get_queryset(self) -> QuerySet[Namespace]:
        """Those one may pull from."""
        if getattr(self, "swagger_fake_view", False):  # the OpenAPI document is made without a user
            return Namespace.objects.all()
        rows = Namespace.objects.readable_by(Actor.from_request(self.request))
        return rows.select_related("owner", "group").prefetch_related("rules")

    @extend_schema(summary="Create a namespace", request=NewNamespaceSerializer, responses={201: NamespaceSerializer})
    def create(self, request: Request) -> Response:
        """Make it."""
        form = NewNamespaceSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        namespace = governing.create_namespace(actor=Actor.from_request(request), **form.validated_data)
        return Response(NamespaceSerializer(namespace).data, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a namespace",
        description="Another owner, and visibility to anybody, need the permission `distribution.manage`.",
        request=NamespaceChangeSerializer,
        responses=NamespaceSerializer,
    )
    def partial_update(self, request: Request, name: str) -> Response:
        """Owners, visibility, immutable tags, rules."""
        namespace = self.get_object()
        form = NamespaceChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        change = form.change(namespace)
        governing.change_namespace(actor=Actor.from_request(request), namespace=namespace, change=change)
        return Response(NamespaceSerializer(get_object_or_404(self.get_queryset(), name=name)).data)

    @extend_schema(summary="Delete a namespace", description="Refused while it has repositories.")
    def destroy(self, request: Request, name: str) -> Response:
        """Forget who owns it and its rules."""
        governing.delete_namespace(actor=Actor.from_request(request), namespace=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Apply a namespace's rules",
        description="They are applied every hour anyway. With `dry_run` it only tells what would go.",
        parameters=[OpenApiParameter("dry_run", bool)],
        request=None,
        responses=GoneSerializer,
    )
    @action(detail=True, methods=["post"])
    def retain(self, request: Request, name: str) -> Response:
        """What went, or would go."""
        is_dry_run = is_set(request, "dry_run")
        gone = governing.retain(actor=Actor.from_request(request), namespace=self.get_object(), is_dry_run=is_dry_run)
        return Response({"tags": gone.tags, "manifests": gone.manifests})
