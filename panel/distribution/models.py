"""The registry's tables: who owns which repositories, and what is in them. The bytes of blobs are in `storage`."""

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from panel.audit.subject import Subject
from panel.distribution.names import RepositoryName

if TYPE_CHECKING:
    from panel.accounts.actors import Actor

LONGEST_DIGEST = 135  # sha512: and 128 digits


class NamespaceQuerySet(models.QuerySet["Namespace"]):
    """Questions asked of namespaces."""

    def owned_by(self, actor: "Actor") -> "NamespaceQuerySet":
        """Those that are the actor's own, or of a group of theirs."""
        if actor.user is None:
            return self.none()
        return self.filter(models.Q(owner=actor.user) | models.Q(group__in=actor.user.groups.all()))

    def readable_by(self, actor: "Actor") -> "NamespaceQuerySet":
        """Those the actor may pull from."""
        if actor.may("distribution.manage"):
            return self
        if not actor.may("distribution.pull"):
            return self.filter(visibility=Namespace.Visibility.PUBLIC)
        own = self.owned_by(actor).values("pk")
        return self.filter(models.Q(pk__in=own) | ~models.Q(visibility=Namespace.Visibility.PRIVATE))


class Namespace(models.Model):
    """The first component of repositories' names: who owns them, who sees them, and what is kept of them.

    `immutable_tags` are patterns (`v*`); a tag that matches one is never moved or deleted. An untagged manifest goes
    `untagged_days` after it lost its tag, never if that is null.
    """

    class Visibility(models.TextChoices):
        PRIVATE = "private", _("its owners")
        INTERNAL = "internal", _("everybody who may pull")
        PUBLIC = "public", _("anybody, without signing in")

    name = models.CharField(_("name"), max_length=100, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    group = models.ForeignKey(
        Group, verbose_name=_("owning group"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    visibility = models.CharField(
        _("visible to"), max_length=16, choices=Visibility.choices, default=Visibility.PRIVATE
    )
    immutable_tags = models.JSONField(_("immutable tags"), default=list)
    untagged_days = models.PositiveIntegerField(_("days until untagged manifests go"), null=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    objects = NamespaceQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [
            ("pull", "Pull from the registry"),
            ("push", "Push to one's own namespaces of the registry"),
            ("delete", "Delete from one's own namespaces of the registry"),
            ("manage", "Manage the registry's namespaces and rules"),
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> Subject:
        """How the audit log names it."""
        return Subject("namespace", self.name, self.name)


class Rule(models.Model):
    """What is kept of a namespace's tags. A tag goes if rules match it and none of them keeps it.

    A rule keeps the last `keep_last` of the tags it matches in a repository, and those younger than `keep_days`.
    """

    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="rules")
    repositories = models.CharField(_("repositories"), max_length=255, default="*")
    tags = models.CharField(_("tags"), max_length=128, default="*")
    keep_last = models.PositiveIntegerField(_("keep the last"), null=True)
    keep_days = models.PositiveIntegerField(_("keep those younger than days"), null=True)

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.repositories}:{self.tags}"


class RepositoryQuerySet(models.QuerySet["Repository"]):
    """Questions asked of repositories."""

    def readable_by(self, actor: "Actor") -> "RepositoryQuerySet":
        """Those the actor may pull from."""
        return self.filter(namespace__in=Namespace.objects.readable_by(actor).values("pk"))

    def search(self, text: str) -> "RepositoryQuerySet":
        """Those whose name holds `text`."""
        return self.filter(name__icontains=text)


class Repository(models.Model):
    """One repository, named in full: `team/app`."""

    namespace = models.ForeignKey(
        Namespace, verbose_name=_("namespace"), on_delete=models.PROTECT, related_name="repositories"
    )
    name = models.CharField(_("name"), max_length=255, unique=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    objects = RepositoryQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> Subject:
        """How the audit log names it."""
        return RepositoryName(self.name).subject

    def part(self, reference: str) -> Subject:
        """How the audit log names what is in it: `team/app:1.0`, `team/app@sha256:…`."""
        name = f"{self.name}{'@' if ':' in reference else ':'}{reference}"
        return Subject("repository", self.name[:200], name)


class Blob(models.Model):
    """Bytes in the storage, once however many repositories have them."""

    digest = models.CharField(_("digest"), max_length=LONGEST_DIGEST, unique=True)
    size_bytes = models.BigIntegerField(_("size"))

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.digest


class RepositoryBlob(models.Model):
    """A repository has a blob: only through that can it be read. `touched_at` is when a client last asked for it."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="blobs")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="repositories")
    touched_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["repository", "blob"], name="blob_once_per_repository")]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.blob_id}"


class ManifestQuerySet(models.QuerySet["Manifest"]):
    """Questions asked of manifests."""

    def told(self) -> "ManifestQuerySet":
        """Without their bytes, for lists."""
        return self.defer("content")

    def untagged(self) -> "ManifestQuerySet":
        """Those nothing in their repository leads to: no tag, no index, no subject that is there."""
        here = models.OuterRef("repository")
        tags = Tag.objects.filter(manifest=models.OuterRef("pk"))
        parents = ManifestReference.objects.filter(manifest__repository=here, digest=models.OuterRef("digest"))
        subjects = Manifest.objects.filter(repository=here, digest=models.OuterRef("subject_digest"))
        return self.filter(~models.Exists(tags), ~models.Exists(parents), ~models.Exists(subjects))


class Manifest(models.Model):
    """A manifest as it was pushed: its very bytes, and what lists tell of it.

    `total_bytes` is what its configuration and layers have; `platforms` are those of an index, or the image's own.
    `touched_at` is when it was last pushed, or got or lost a tag.
    """

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="manifests")
    digest = models.CharField(_("digest"), max_length=LONGEST_DIGEST)
    media_type = models.CharField(_("media type"), max_length=255)
    artifact_type = models.CharField(_("artifact type"), max_length=255, blank=True)
    subject_digest = models.CharField(_("subject"), max_length=LONGEST_DIGEST, blank=True)
    annotations = models.JSONField(_("annotations"), default=dict)
    platforms = models.JSONField(_("platforms"), default=list)
    size_bytes = models.PositiveIntegerField(_("size of the manifest"))
    total_bytes = models.BigIntegerField(_("size"), default=0)
    pushed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("pushed by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    pushed_at = models.DateTimeField(_("pushed"), default=timezone.now)
    pulled_at = models.DateTimeField(_("pulled"), null=True)
    touched_at = models.DateTimeField(default=timezone.now)
    content = models.BinaryField()

    objects = ManifestQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-pushed_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["repository", "digest"], name="manifest_once_per_repository")]
        indexes = [models.Index(fields=["repository", "subject_digest"])]

    def __str__(self) -> str:
        return self.digest

    @property
    def short_digest(self) -> str:
        """The first twelve digits, as people quote it."""
        return self.digest.partition(":")[2][:12]


class ManifestReference(models.Model):
    """A manifest needs what has this digest: a blob, or for an index another manifest."""

    manifest = models.ForeignKey(Manifest, on_delete=models.CASCADE, related_name="references")
    digest = models.CharField(max_length=LONGEST_DIGEST, db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["manifest", "digest"], name="reference_once_per_manifest")]

    def __str__(self) -> str:
        return self.digest


class TagQuerySet(models.QuerySet["Tag"]):
    """Questions asked of tags."""

    def search(self, text: str) -> "TagQuerySet":
        """Those whose name or digest holds `text`."""
        return self.filter(models.Q(name__icontains=text) | models.Q(manifest__digest__icontains=text))


class Tag(models.Model):
    """A name for a manifest, which may move to another."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(_("tag"), max_length=128)
    manifest = models.ForeignKey(Manifest, on_delete=models.CASCADE, related_name="tags")
    moved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("pushed by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    moved_at = models.DateTimeField(_("pushed"), default=timezone.now)

    objects = TagQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-moved_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["repository", "name"], name="tag_once_per_repository")]

    def __str__(self) -> str:
        return self.name


class Upload(models.Model):
    """A blob on its way in. How much of it is here the storage knows."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="uploads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    started_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.id)
