"""What the end of an operation means for the credential it was about."""

from django.utils import timezone

from panel.operations.models import Operation
from panel.registries.models import Credential


def settle(row: Operation) -> None:
    """Called when `row` has its outcome: a check of a sign-in is noted with the credential."""
    if row.kind != "registries.check" or row.status == Operation.Status.CANCELLED:
        return
    error = str((row.error or {}).get("message") or "")
    if row.object_id.isdigit():
        Credential.objects.filter(pk=int(row.object_id)).update(checked_at=timezone.now(), check_error=error[:2000])
