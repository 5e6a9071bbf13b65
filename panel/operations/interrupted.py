"""Operations whose host worker or broker failed them: sent again, or ended when that has not helped."""

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from panel.operations import endings
from panel.operations.models import Operation
from panel.operations.services import send

MOST_ATTEMPTS = 5
FIRST_WAIT = timedelta(seconds=10)


def resume(host: str, worker_started_at: datetime) -> None:
    """Ask again for what a host had under way when its worker, which began anew at that time, went down."""
    running = Operation.objects.select_for_update().filter(host_id=host, status=Operation.Status.RUNNING)
    for operation in running.filter(started_at__lt=worker_started_at):
        operation.attempts += 1
        if operation.attempts > MOST_ATTEMPTS:
            endings.end(operation, "failed", error=_gave_up())
            continue
        operation.status = Operation.Status.QUEUED
        operation.save(update_fields=["attempts", "status"])
        transaction.on_commit(partial(send, operation))


def send_waiting() -> int:
    """Send what is queued and was never picked up; how many that were.

    What never reached the broker is sent at once. What did is sent again after ten seconds, then each time its age has
    doubled: a host that is away finds its queue as it was, so this only makes up for a broker that lost it.
    """
    now = timezone.now()
    waiting = Operation.objects.filter(status=Operation.Status.QUEUED, queued_at__lt=now - timedelta(seconds=1))
    due = [operation for operation in waiting if _is_due(operation, now)]
    for operation in due:
        Operation.objects.filter(pk=operation.pk).update(sent_at=now)
        send(operation)
    return len(due)


def _is_due(operation: Operation, now: datetime) -> bool:
    if operation.sent_at is None:
        return True
    return now - operation.sent_at > max(FIRST_WAIT, (operation.sent_at - operation.queued_at))


def _gave_up() -> dict[str, str]:
    return {
        "code": "interrupted",
        "message": f"the host worker went down during this operation {MOST_ATTEMPTS} times",
        "hint": "Its log on the host says why.",
    }
