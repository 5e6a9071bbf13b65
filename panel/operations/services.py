"""Asks a host to do something, and takes it back."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import redis
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.subject import Subject
from panel.celery import app
from panel.door import service
from panel.errors import Conflicting, Unreachable
from panel.operations import endings, signals
from panel.operations.models import Operation
from panel.realtime.changes import announce

logger = logging.getLogger(__name__)


def request(
    *,
    actor: Actor,
    kind: str,
    host: str,
    subject: Subject,
    payload: dict[str, Any] | Callable[[UUID], dict[str, Any]],
    shared_by: str = "",
) -> Operation:
    """Write an operation down and send it once the caller's transaction is committed.

    `host` is the host's name; `shared_by` what others must have in common with the actor to join it. A payload that
    holds something sealed for this one operation is made from its id. Called by the services of other areas, inside
    their transaction and after their permission check.
    """
    operation_id = uuid4()
    operation = Operation.objects.create(
        id=operation_id,
        sent_at=timezone.now(),
        kind=kind,
        host_id=host,
        object_kind=subject.kind,
        object_id=subject.id,
        object_name=subject.name,
        payload=payload(operation_id) if callable(payload) else payload,
        shared_by=shared_by,
        started_by=actor.user,
        started_by_name=actor.name,
    )
    transaction.on_commit(partial(send, operation))
    return operation


def send(operation: Operation) -> bool:
    """Put the operation on its host's queue; false if the broker does not answer (beat will send it again)."""
    try:
        app.send_task(
            operation.kind,
            kwargs={"operation": str(operation.id), **operation.payload},
            queue=f"host.{operation.host_id}",
            ignore_result=True,
        )
    except OperationalError as error:
        logger.warning("operation %s (%s) waits: the broker does not answer: %s", operation.id, operation.kind, error)
        Operation.objects.filter(pk=operation.pk).update(sent_at=None)
        return False
    announce("operations", str(operation.id))
    return True


@service("operations.cancel")
def cancel(*, actor: Actor, operation: Operation) -> Operation:
    """Ask the host to stop; what a host that is away never picked up ends at once. Conflicting if it has ended."""
    operation = Operation.objects.select_for_update().select_related("host").get(pk=operation.pk)
    if not operation.is_open:
        raise Conflicting(_("The operation has ended already: it is %(status)s.") % {"status": operation.status})
    operation.cancel_requested_at = timezone.now()
    if operation.sent_at is not None:
        _tell_host(operation)
    if operation.status == Operation.Status.QUEUED and not operation.host.is_online:
        endings.end(operation, "cancelled", error=None)
    operation.save(update_fields=["cancel_requested_at"])
    audit.record(actor=actor, action="operations.cancel", subject=operation.subject)
    transaction.on_commit(partial(announce, "operations", str(operation.id)))
    return operation


def _tell_host(operation: Operation) -> None:
    """Before the commit: what cannot be told must not count as cancelled, the host would do it all the same."""
    try:
        signals.request_cancel(str(operation.id))
    except redis.RedisError as error:
        raise Unreachable(
            _("The broker does not answer, so the host cannot be told to stop."), hint=_("Try again in a moment.")
        ) from error
