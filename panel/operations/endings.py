"""How an operation ends, whoever ends it: exactly once, with its cause, and told to everyone who waits."""

import logging
from functools import partial
from typing import Any

import redis
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from panel.accounts.actors import Actor, How
from panel.audit import services as audit
from panel.audit.models import AuditEntry
from panel.audit.subject import Subject
from panel.operations import signals
from panel.operations.models import Operation
from panel.realtime.changes import announce

logger = logging.getLogger(__name__)

ended = Signal()
"""Sent with `operation`, locked and not saved yet, when it has its outcome: receivers write in the same transaction."""
ENDS = {Operation.Status.DONE, Operation.Status.FAILED, Operation.Status.CANCELLED}


def end(row: Operation, status: str, *, error: dict[str, Any] | None, result: Any = None) -> None:
    """End a locked operation: done, failed or cancelled. A failure is a row in the audit log."""
    row.status = Operation.Status(status) if status in ENDS else Operation.Status.FAILED
    row.error, row.result, row.finished_at = error, result, timezone.now()
    row.started_at = row.started_at or row.queued_at
    if row.status != Operation.Status.DONE:  # what was being done is what failed
        row.steps = [step | {"status": "failed"} if step["status"] == "running" else step for step in row.steps]
    ended.send(Operation, operation=row)
    row.save(update_fields=["status", "error", "result", "steps", "started_at", "finished_at"])
    if row.status == Operation.Status.FAILED:
        _note_failure(row)
    transaction.on_commit(partial(_tell, str(row.pk)))


def _note_failure(row: Operation) -> None:
    audit.record(
        actor=Actor(user=row.started_by, name=row.started_by_name, how=How.SYSTEM),
        action=row.kind,
        subject=Subject(row.object_kind, row.object_id, row.object_name),
        outcome=AuditEntry.Outcome.FAILED,
        detail=row.failure,
    )


def _tell(operation: str) -> None:
    try:
        signals.publish_end(operation)
    except redis.RedisError as error:
        logger.warning("whoever waits for operation %s was not told: %s", operation, error)
    announce("operations", operation)
