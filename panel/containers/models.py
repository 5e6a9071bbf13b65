"""Containers: what was asked, what should run, what the host last said."""

import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from panel.audit.subject import Subject

if TYPE_CHECKING:
    from panel.accounts.models import User


def new_id() -> str:
    """64 hexadecimal digits, as Docker's ids are."""
    return secrets.token_hex(32)


class ContainerQuerySet(models.QuerySet["Container"]):
    """Questions asked of containers."""

    def visible_to(self, user: "User") -> "ContainerQuerySet":
        """Those `user` may see: all of them, with `containers.view`."""
        return self if user.has_perm("containers.view") else self.none()

    def meant_by(self, text: str) -> "ContainerQuerySet":
        """The one container `text` means, as Docker reads it: an id, else a name, else the only id that begins so."""
        for exact in (models.Q(pk=text), models.Q(name=text)):
            if self.filter(exact).exists():
                return self.filter(exact)
        begins_so = self.filter(pk__startswith=text)
        return begins_so if begins_so.count() == 1 else self.none()

    def search(self, text: str) -> "ContainerQuerySet":
        """Those whose name, id or image holds `text`."""
        return self.filter(
            models.Q(name__icontains=text) | models.Q(id__startswith=text.lower()) | models.Q(image__icontains=text)
        )

    def using_image(self, image_id: str) -> "ContainerQuerySet":
        """Those that were made from that image, or mount it."""
        mounted = Cast("mounted_images", models.TextField())
        return self.annotate(mounted_text=mounted).filter(
            models.Q(image_id=image_id) | models.Q(mounted_text__contains=f'"{image_id}"')
        )

    def running(self) -> "ContainerQuerySet":
        """Those that run."""
        return self.filter(status__in=Container.LIVE)

    def unhealthy(self) -> "ContainerQuerySet":
        """Those that need a look: never made, killed for memory, ended with an error while they should run."""
        status = Container.Status
        return self.filter(
            models.Q(status__in=(status.FAILED, status.RESTARTING))
            | models.Q(status__in=Container.LIVE, health="unhealthy")
            | models.Q(status=status.EXITED, oom_killed=True)
            | (models.Q(status=status.EXITED, desired=Container.Desired.RUNNING) & ~models.Q(exit_code=0))
        )

    def unhealthy_first(self) -> "ContainerQuerySet":
        """What needs a look, then what runs, then the rest; the newest first within each."""
        needs_look = models.Exists(Container.objects.unhealthy().filter(pk=models.OuterRef("pk")))
        rank = models.Case(
            models.When(needs_look, then=0),
            models.When(status__in=Container.LIVE, then=1),
            default=2,
            output_field=models.SmallIntegerField(),
        )
        return self.annotate(rank=rank).order_by("rank", "-created_at", "id")


class Container(models.Model):
    """One container. `spec` is `engine.ContainerSpec` as JSON; `seq` numbers the host's reports of it.

    `joins_plain`: those it shares with were given no more of their host than others when it was created.
    """

    class Status(models.TextChoices):
        CREATING = "creating", _("being created")
        CREATED = "created", _("created")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        RESTARTING = "restarting", _("restarting")
        EXITED = "exited", _("exited")
        REMOVING = "removing", _("being removed")
        FAILED = "failed", _("failed")

    LIVE = (Status.RUNNING, Status.PAUSED, Status.RESTARTING)
    """What can be stopped: it runs, or will in a moment by itself."""

    class Desired(models.TextChoices):
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=128, unique=True)
    host = models.ForeignKey("hosts.Host", verbose_name=_("host"), on_delete=models.PROTECT, related_name="containers")
    image = models.CharField(_("image"), max_length=500)
    image_id = models.CharField(_("image id"), max_length=80, blank=True)
    spec = models.JSONField(_("specification"), default=dict)
    joins_plain = models.BooleanField(default=False)
    desired = models.CharField(_("should be"), max_length=16, choices=Desired.choices, default=Desired.STOPPED)
    status = models.CharField(_("state"), max_length=16, choices=Status.choices, default=Status.CREATING, db_index=True)
    seq = models.BigIntegerField(default=0)
    run = models.PositiveIntegerField(_("starts"), default=0)
    pid = models.PositiveIntegerField(_("process id"), default=0)
    exit_code = models.PositiveSmallIntegerField(_("exit code"), null=True)
    oom_killed = models.BooleanField(_("killed for memory"), default=False)
    error = models.TextField(_("error"), blank=True)
    health = models.CharField(_("health"), max_length=16, blank=True)
    restart_count = models.PositiveIntegerField(_("restarts"), default=0)
    restart_at = models.DateTimeField(_("next start"), null=True)
    expires_at = models.DateTimeField(_("is removed"), null=True)
    warnings = models.JSONField(_("warnings"), default=list)
    mounted_images = models.JSONField(_("ids of mounted images"), default=list)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_by_name = models.CharField(_("created by"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = ContainerQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [
            ("view", "See containers"),
            ("create", "Create containers"),
            ("create_privileged", "Create containers that are given more of their host, and work inside them"),
            ("operate", "Start, stop, restart, kill, pause, rename and change containers"),
            ("exec", "Run programs in containers"),
            ("files", "Read and write containers' files"),
            ("logs", "Read containers' logs"),
            ("delete", "Remove containers"),
        ]
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> Subject:
        """How the audit log names it."""
        return Subject("container", self.id, self.name)

    @property
    def short_id(self) -> str:
        """The first twelve digits of the id, as people quote it."""
        return self.id[:12]

    @property
    def is_running(self) -> bool:
        """Whether the host last said that it runs, be it paused or between two runs by its restart policy."""
        return self.status in self.LIVE

    @property
    def needs_look(self) -> bool:
        """The same as `ContainerQuerySet.unhealthy`, for one container at hand."""
        if self.status == self.Status.EXITED:
            wanted = self.desired == self.Desired.RUNNING and self.exit_code != 0
            return self.oom_killed or wanted
        if self.status in (self.Status.FAILED, self.Status.RESTARTING):
            return True
        return self.is_running and self.health == "unhealthy"
