"""Operations: one row for everything that runs on a host."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from panel.audit.subject import Subject

if TYPE_CHECKING:
    from panel.accounts.models import User


class OperationQuerySet(models.QuerySet["Operation"]):
    """Questions asked of operations."""

    def visible_to(self, user: "User") -> "OperationQuerySet":
        """Those `user` may see: all of them, with `operations.view`."""
        return self if user.has_perm("operations.view") else self.none()

    def open(self) -> "OperationQuerySet":
        """Those that have not ended."""
        return self.filter(status__in=Operation.OPEN)

    def open_since(self, moment: datetime) -> "OperationQuerySet":
        """Those that had not ended at `moment`: what was read then may lack, or still hold, what they did."""
        return self.filter(Q(status__in=Operation.OPEN) | Q(finished_at__gte=moment))

    def about(self, kind: str, object_id: str) -> "OperationQuerySet":
        """Those that concern one object (`"container"`, its id)."""
        return self.filter(object_kind=kind, object_id=object_id)

    def search(self, text: str) -> "OperationQuerySet":
        """Those whose kind, object or starter holds `text`."""
        return self.filter(
            models.Q(kind__icontains=text)
            | models.Q(object_name__icontains=text)
            | models.Q(object_id__startswith=text)
            | models.Q(started_by_name__icontains=text)
        )


class Operation(models.Model):
    """Something a host was asked to do, and how it went.

    `kind` is the Celery task's name, `payload` its arguments. `steps` is a list of
    `{"name", "status", "current", "total", "unit"}`, `error` is `{"code", "message", "hint"}` or null.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("waiting for the host")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    OPEN = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=50, db_index=True)
    host = models.ForeignKey("hosts.Host", verbose_name=_("host"), on_delete=models.PROTECT, related_name="operations")
    object_kind = models.CharField(_("kind of object"), max_length=50)
    object_id = models.CharField(_("object's id"), max_length=200)
    object_name = models.CharField(_("object's name"), max_length=500, blank=True)
    payload = models.JSONField(default=dict)
    shared_by = models.CharField(max_length=64, blank=True, default="")
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.QUEUED, db_index=True)
    steps = models.JSONField(_("steps"), default=list)
    error = models.JSONField(_("error"), null=True)
    result = models.JSONField(_("result"), null=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("started by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    started_by_name = models.CharField(_("started by"), max_length=200)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    cancel_requested_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(_("queued"), auto_now_add=True, db_index=True)
    sent_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [("view", "See operations"), ("cancel", "Cancel operations")]
        ordering = ["-queued_at"]
        indexes = [models.Index(fields=["object_kind", "object_id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_name}"

    @property
    def subject(self) -> Subject:
        """How the audit log names it."""
        return Subject("operation", str(self.id), self.kind)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in self.OPEN

    @property
    def failure(self) -> str:
        """Why it came to nothing, if it did."""
        return str((self.error or {}).get("message") or self.status)

    @property
    def steps_done(self) -> int:
        """How many of its steps are done."""
        return sum(step["status"] == "done" for step in self.steps)

    @property
    def byte_steps(self) -> list[dict[str, Any]]:
        """The steps that count bytes and know how many there are."""
        return [step for step in self.steps if step.get("total") and step.get("unit") == "bytes"]

    @property
    def total_bytes(self) -> int:
        """How many bytes its steps have to move in all, as far as they know."""
        return sum(step["total"] for step in self.byte_steps)

    @property
    def current_bytes(self) -> int:
        """How many of `total_bytes` are done."""
        return sum(min(step["current"], step["total"]) for step in self.byte_steps)

    @property
    def percent(self) -> int | None:
        """How far it has come over all steps that know their total, 0 to 100; None if none does.

        Bytes count as bytes, so that a small layer is not as much as a large one.
        """
        if total := self.total_bytes:
            return round(100 * self.current_bytes / total)
        known = [step for step in self.steps if step.get("total")]
        if not known:
            return None
        share: float = sum(min(1.0, step["current"] / step["total"]) for step in known) / len(known)
        return round(100 * share)
