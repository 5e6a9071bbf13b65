"""Backups by the clock: when each is due, what came of the last, and what people may ask of it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.door import service
from panel.errors import Invalid, Missing
from panel.hosts.models import Host
from panel.operations import services as operations
from panel.operations.models import Operation
from panel.volumes.models import BackupSchedule
from panel.volumes.requests import of

FIELDS = ("period", "weekday", "hour", "minute", "freeze", "keep_last", "keep_daily", "keep_weekly", "keep_monthly")
KIND = "volumes.back_up"


@service("volumes.manage", action="volumes.schedule")
def schedule(*, actor: Actor, host: Host, name: str, asked: dict[str, Any]) -> BackupSchedule:
    """Have the volume backed up by the clock from now on, as `asked` says; what it leaves out is as usual."""
    unknown = set(asked) - set(FIELDS)
    if unknown:
        raise Invalid(_("There is no such field."), field=min(unknown))
    row = BackupSchedule.objects.filter(host=host, volume=name).first() or BackupSchedule(host=host, volume=name)
    usual = BackupSchedule()
    for field in FIELDS:
        setattr(row, field, asked.get(field, getattr(usual, field)))
    _check(row)
    row.due_at = row.next_after(timezone.now())
    row.missed_at = None
    row.save()
    audit.record(actor=actor, action="volumes.schedule", subject=of(name), after={key: asked[key] for key in asked})
    return row


@service("volumes.manage")
def unschedule(*, actor: Actor, host: Host, name: str) -> None:
    """Have it backed up by the clock no more; the backups there are stay."""
    if not BackupSchedule.objects.filter(host=host, volume=name).delete()[0]:
        raise Missing(_("Volume %(name)s has no schedule.") % {"name": name[:80]})
    audit.record(actor=actor, action="volumes.unschedule", subject=of(name))


def due(host: Host) -> list[BackupSchedule]:
    """What is to be backed up now, but for what is still at it."""
    rows = BackupSchedule.objects.select_for_update().filter(host=host, due_at__lte=timezone.now())
    at_it = set(Operation.objects.open().filter(kind=KIND, host=host).values_list("object_id", flat=True))
    return [row for row in rows if row.volume not in at_it]


def begin(row: BackupSchedule) -> Operation:
    """Ask the host for the backup that is due. One that comes late is noticed as missed, and made now."""
    now = timezone.now()
    if now - row.due_at > row.LATE:
        row.missed_at = row.due_at
    payload = {"name": row.volume, "freeze": row.freeze, "retention": row.retention}
    actor = Actor.system("schedule")
    operation = operations.request(actor=actor, kind=KIND, host=row.host_id, subject=of(row.volume), payload=payload)
    row.operation, row.due_at = str(operation.pk), row.next_after(now)
    row.save()
    return operation


def _check(row: BackupSchedule) -> None:
    try:
        row.clean_fields(exclude=["host", "due_at", "missed_at", "done_at", "failed_at", "error", "operation"])
    except ValidationError as error:
        field, words = next(iter(error.message_dict.items()))
        raise Invalid(words[0], field=field) from error
