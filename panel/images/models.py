"""Images, as the hosts report them."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from panel.audit.subject import Subject

if TYPE_CHECKING:
    from panel.accounts.models import User


class ImageQuerySet(models.QuerySet["Image"]):
    """Questions asked of images."""

    def visible_to(self, user: "User") -> "ImageQuerySet":
        """Those `user` may see: all of them, with `images.view`."""
        return self if user.has_perm("images.view") else self.none()

    def with_updates(self) -> "ImageQuerySet":
        """Each with `is_outdated`: one of its tags stands for another image at its registry by now."""
        return self.annotate(is_outdated=outdated())

    def search(self, text: str) -> "ImageQuerySet":
        """Those whose references or id hold `text`."""
        return self.annotate(reference_text=Cast("references", models.TextField())).filter(
            models.Q(reference_text__icontains=text) | models.Q(image_id__icontains=text)
        )


class Image(models.Model):
    """One image on one host. `config` is everything the engine tells about it."""

    host = models.ForeignKey("hosts.Host", verbose_name=_("host"), on_delete=models.PROTECT, related_name="images")
    image_id = models.CharField(_("image id"), max_length=80)
    references = models.JSONField(_("references"), default=list)
    size_bytes = models.BigIntegerField(_("size"), default=0)
    shared_bytes = models.BigIntegerField(_("shared with other images"), default=0)
    architecture = models.CharField(_("architecture"), max_length=32, blank=True)
    os = models.CharField(_("operating system"), max_length=32, blank=True)
    created_at = models.DateTimeField(_("created"), null=True)
    config = models.JSONField(_("configuration"), default=dict)

    objects = ImageQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [
            ("view", "See images"),
            ("load", "Load images"),
            ("save", "Download images as archives"),
            ("pull", "Pull images from registries"),
            ("push", "Push images to registries"),
            ("tag", "Give images further names"),
            ("delete", "Remove images"),
        ]
        ordering = ["-created_at", "image_id"]
        indexes = [models.Index(fields=["-created_at", "image_id"], name="image_newest_first")]
        constraints = [models.UniqueConstraint(fields=["host", "image_id"], name="image_once_per_host")]

    def __str__(self) -> str:
        return str(self.references[0]) if self.references else self.short_id

    @property
    def subject(self) -> Subject:
        """How the audit log names it."""
        return Subject("image", self.image_id, str(self))

    @property
    def name(self) -> str:
        """Its first reference, or the beginning of its id."""
        return str(self)

    @property
    def unique_bytes(self) -> int:
        """What comes free at the most when it is removed."""
        return self.size_bytes - self.shared_bytes

    @property
    def short_id(self) -> str:
        """The first twelve digits of the id, as people quote it."""
        return self.image_id.removeprefix("sha256:")[:12]


class TrackedTag(models.Model):
    """A name under which an image is, or was, on a host, and whether it is still what its registry gives out for it.

    `digest` is what the registry told last, `error` why it could not. It is asked again at `due_at`, with the
    `credential` the image was pulled with.
    """

    host = models.ForeignKey("hosts.Host", on_delete=models.CASCADE, related_name="+")
    reference = models.CharField(_("reference"), max_length=500)
    image_id = models.CharField(_("image id"), max_length=80)
    is_current = models.BooleanField(_("current"), default=True)
    digest = models.CharField(_("digest"), max_length=160, blank=True)
    checked_at = models.DateTimeField(_("checked"), null=True)
    error = models.TextField(_("error"), blank=True)
    due_at = models.DateTimeField(db_index=True)
    credential = models.ForeignKey("registries.Credential", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        default_permissions = ()
        ordering = ["reference"]
        indexes = [models.Index(fields=["host", "image_id"])]
        constraints = [models.UniqueConstraint(fields=["host", "reference", "image_id"], name="tag_once_per_image")]

    def __str__(self) -> str:
        return self.reference


def outdated() -> models.Exists:
    """Of a row with `host` and `image_id`: whether a tag of that image stands for another one by now."""
    tags = TrackedTag.objects.filter(image_id=models.OuterRef("image_id"), host=models.OuterRef("host"))
    return models.Exists(tags.filter(is_current=False))
