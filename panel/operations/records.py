"""Writes down how operations go, as their hosts report it. Each record may come twice or late."""

import logging
import uuid
from functools import partial
from typing import Any

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from panel.audit.chain import plain
from panel.containers import records as container_records
from panel.hosts.moments import moment
from panel.images import records as image_records
from panel.operations import endings
from panel.operations.models import Operation
from panel.realtime.changes import announce

logger = logging.getLogger(__name__)

STEP_STATUSES = ("waiting", "running", "done", "failed")
MOST_STEPS = 1000


@shared_task(name="operations.started", **container_records.RETRY)
def started(*, host: str, operation: str, at: str) -> None:
    """The host is at it."""
    with transaction.atomic():
        row = find(host, operation)
        if row is None or row.status != Operation.Status.QUEUED:
            return
        row.status = Operation.Status.RUNNING
        row.started_at = moment(at) or timezone.now()
        row.save(update_fields=["status", "started_at"])
        transaction.on_commit(partial(announce, "operations", operation))


@shared_task(name="operations.progress", **container_records.RETRY)
def progress(*, host: str, operation: str, steps: list[Any]) -> None:
    """How far it has come."""
    with transaction.atomic():
        row = find(host, operation)
        if row is None or not row.is_open:
            return
        row.status = Operation.Status.RUNNING
        row.started_at = row.started_at or timezone.now()
        row.steps = well_formed_steps(steps)
        row.save(update_fields=["status", "started_at", "steps"])
        transaction.on_commit(partial(announce, "operations", operation))


@shared_task(name="operations.finished", **container_records.RETRY)
def finished(
    *,
    host: str,
    operation: str,
    outcome: str,
    error: Any = None,
    result: Any = None,
    containers: list[Any] | None = None,
    removed: list[Any] | None = None,
    images: list[Any] | None = None,
) -> None:
    """It ended; with what it left on the host."""
    with transaction.atomic():
        row = find(host, operation)
        if row is None:
            return
        if row.is_open:  # first, so that whoever waits is the first to be told
            endings.end(row, outcome, error=well_formed_error(error), result=plain(result))
        _apply(host, containers, removed, images)


def find(host: str, operation: str) -> Operation | None:
    """The operation, locked, if it is this host's; None, with a line in the log, if the report names another."""
    try:
        row = Operation.objects.select_for_update().filter(pk=uuid.UUID(operation), host_id=host).first()
    except (ValueError, TypeError, AttributeError):
        row = None
    if row is None:
        logger.warning("host %.60r reports on %.60r, which is no operation of its own", host, operation)
    return row


def well_formed_steps(steps: Any) -> list[dict[str, Any]]:
    """The steps a host told, cut to what a page can show."""
    return [
        {
            "name": str(step.get("name"))[:200],
            "status": step["status"] if step.get("status") in STEP_STATUSES else "running",
            "current": _count(step.get("current")),
            "total": _count(step.get("total")),
            "unit": str(step.get("unit") or "")[:20],
            "phase": str(step.get("phase") or "")[:20],
        }
        for step in (steps if isinstance(steps, list) else [])[:MOST_STEPS]
        if isinstance(step, dict)
    ]


def well_formed_error(error: Any) -> dict[str, Any] | None:
    """An engine error as a host told it: `{"code", "message", "hint"}` and, for a bad value, `field`."""
    if not isinstance(error, dict):
        return None
    known = {key: str(plain(error.get(key) or ""))[:4000] for key in ("code", "message", "hint")}
    return known | ({"field": str(error["field"])[:200]} if "field" in error else {})


def _count(value: Any) -> int:
    return value if type(value) is int and value >= 0 else 0


def _apply(host: str, states: Any, removed: Any, listed: Any) -> None:
    if isinstance(states, list):
        container_records.apply_states(host, states)
    if isinstance(removed, list):
        container_records.remove(host, removed)
    if isinstance(listed, list):
        image_records.mirror(host, listed)
