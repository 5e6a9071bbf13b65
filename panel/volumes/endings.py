"""What the end of an operation means for schedules of backups, and for pages that show volumes."""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from panel.operations.endings import ended
from panel.operations.models import Operation
from panel.realtime.changes import announce
from panel.volumes import schedules
from panel.volumes.models import BackupSchedule


@receiver(ended)
def settle(operation: Operation, **_: Any) -> None:
    """Called when it has its outcome."""
    if not operation.kind.startswith("volumes."):
        return
    if operation.kind == schedules.KIND:
        _note(operation)
    elif operation.status == Operation.Status.DONE:
        _follow(operation)
    transaction.on_commit(partial(announce, "volumes", operation.host_id))


def _note(operation: Operation) -> None:
    row = BackupSchedule.objects.filter(operation=str(operation.pk)).first()
    if row is None:
        return
    if operation.status == Operation.Status.DONE:
        row.done_at, row.error = timezone.now(), ""
    else:
        told = operation.error or {}
        row.failed_at, row.error = timezone.now(), str(told.get("message") or operation.status)[:1000]
    row.save(update_fields=["done_at", "failed_at", "error"])


def _follow(operation: Operation) -> None:
    """A schedule goes with its volume, and has its name."""
    rows, payload = BackupSchedule.objects.filter(host=operation.host_id), operation.payload
    if operation.kind == "volumes.rename":
        rows.filter(volume=payload["name"]).update(volume=payload["new_name"])
    elif operation.kind == "volumes.remove":
        rows.filter(volume=payload["name"]).delete()
    elif operation.kind == "volumes.prune" and isinstance(operation.result, dict):
        rows.filter(volume__in=operation.result.get("removed", [])).delete()
