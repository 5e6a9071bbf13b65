"""Writes down what hosts report about themselves."""

import logging
from functools import partial
from typing import Any

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from panel.audit.chain import plain
from panel.containers import records as container_records
from panel.hosts.models import Host
from panel.hosts.moments import moment
from panel.images import records as image_records
from panel.operations import interrupted
from panel.realtime.changes import announce
from panel.secrets.sealing import is_public_key

logger = logging.getLogger(__name__)


@shared_task(name="hosts.started", **container_records.RETRY)
def started(
    *,
    host: str,
    started_at: str,
    taken_at: str,
    capabilities: Any,
    containers: list[Any],
    specs: dict[str, Any],
    images: list[Any],
    sealing_key: str = "",
) -> None:
    """Everything a host has. If its worker began anew, what it had under way before is asked of it again."""
    begun_at, as_of = moment(started_at), moment(taken_at)
    if begun_at is None or as_of is None:
        logger.warning("host %.60r reports without a time; the report is left aside", host)
        return
    with transaction.atomic():
        row = Host.objects.select_for_update().filter(pk=host).first()
        if row is None:
            logger.warning("a host nobody added reports: %.60r", host)
            return
        row.capabilities = plain(capabilities) if isinstance(capabilities, dict) else {}
        row.worker_started_at, row.last_seen_at = begun_at, timezone.now()
        _learn_key(row, sealing_key)
        row.save(update_fields=["capabilities", "worker_started_at", "last_seen_at", "sealing_key"])
        interrupted.resume(host, begun_at)
        container_records.reconcile(host, containers, specs, as_of)
        image_records.mirror(host, images)
        transaction.on_commit(partial(announce, "hosts", host))


@shared_task(name="hosts.heartbeat", ignore_result=True)
def heartbeat(*, host: str, at: str) -> None:
    """The host lives; the panel's clock counts, a host's may be wrong."""
    if not Host.objects.filter(pk=host).update(last_seen_at=timezone.now()):
        logger.warning("a host nobody added says that it lives: %.60r", host)


def _learn_key(row: Host, told: object) -> None:
    """The first key a host tells is its key: from then on nobody else can pass for it and be sent its secrets."""
    if not is_public_key(told) or told == row.sealing_key:
        return
    if row.sealing_key:
        logger.warning("host %s tells another sealing key than before; it is not believed", row.pk)
        return
    row.sealing_key = str(told)
