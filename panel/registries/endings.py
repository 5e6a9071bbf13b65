"""What the end of an operation means for the credential it was about."""

from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from panel.operations.endings import ended
from panel.operations.models import Operation
from panel.registries.models import Credential


@receiver(ended)
def settle(operation: Operation, **_: Any) -> None:
    """Called when it has its outcome: a check of a sign-in is noted with the credential."""
    if operation.kind != "registries.check" or operation.status == Operation.Status.CANCELLED:
        return
    error = str((operation.error or {}).get("message") or "")
    if operation.object_id.isdigit():
        Credential.objects.filter(pk=int(operation.object_id)).update(
            checked_at=timezone.now(), check_error=error[:2000]
        )
