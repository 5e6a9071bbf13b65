"""The audit log's rows and the head of its hash chain."""

import json
from typing import Any, NoReturn

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Rows are read, never changed."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise PermissionError("audit rows are never changed")

    def delete(self) -> NoReturn:
        """Refused."""
        raise PermissionError("audit rows are never deleted")

    def search(self, text: str) -> "AuditQuerySet":
        """Rows whose actor, action, object or detail holds `text`."""
        fields = ("actor_name", "action", "object_name", "object_id", "detail")
        condition = models.Q()
        for field in fields:
            condition |= models.Q(**{f"{field}__icontains": text})
        return self.filter(condition)


class AuditEntry(models.Model):
    """One change or refusal. `hash` covers every other column and the hash before it (`panel/audit/chain.py`)."""

    class Outcome(models.TextChoices):
        ALLOWED = "allowed", _("allowed")
        DENIED = "denied", _("denied")
        FAILED = "failed", _("failed")

    number = models.BigIntegerField(_("number"), unique=True)
    at = models.DateTimeField(_("time"), db_index=True)
    # Users who acted are made inactive, not deleted.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("actor"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    actor_name = models.CharField(_("actor's name"), max_length=200)
    how = models.CharField(_("authenticated by"), max_length=16)
    address = models.CharField(_("address"), max_length=64, blank=True)
    action = models.CharField(_("action"), max_length=100, db_index=True)
    object_kind = models.CharField(_("kind of object"), max_length=50, blank=True)
    object_id = models.CharField(_("object's id"), max_length=200, blank=True, db_index=True)
    object_name = models.CharField(_("object's name"), max_length=500, blank=True)
    before = models.JSONField(_("before"), null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(_("after"), null=True, encoder=DjangoJSONEncoder)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices, db_index=True)
    detail = models.TextField(_("detail"), blank=True)
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [("view", "See the audit log")]
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.number} {self.actor_name} {self.action} {self.object_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; a row that exists is never changed."""
        if not self._state.adding:
            raise PermissionError("audit rows are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise PermissionError("audit rows are never deleted")

    def canonical(self) -> bytes:
        """What `hash` covers: every column but `id` and `hash`, as JSON with sorted keys and no spaces."""
        names = [field.attname for field in self._meta.concrete_fields if field.attname not in ("id", "hash")]
        value = {name: getattr(self, name) for name in names} | {"at": self.at.isoformat(timespec="microseconds")}
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class AuditHead(models.Model):
    """The chain's last row: one record, locked by whoever appends, so that the chain never forks."""

    number = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.number} {self.hash}"
