"""What becomes of an upload: an operation when it arrived, a row in the audit log when it did not."""

from django.db import transaction
from rest_framework.renderers import JSONRenderer

from panel.audit import services as audit
from panel.audit.models import AuditEntry
from panel.audit.subject import Subject
from panel.operations.api import OperationSerializer
from panel.uploads.tickets import Ticket


def arrived(ticket: Ticket, size_bytes: int) -> tuple[str, bytes]:
    """Ask the host for what the upload is for; the operation's id and its JSON."""
    operation = ticket.arrived(ticket, size_bytes)
    return str(operation.pk), JSONRenderer().render(OperationSerializer(operation).data)


def failed(ticket: Ticket, reason: str) -> None:
    """Write down that it did not arrive."""
    with transaction.atomic():
        audit.record(
            actor=ticket.actor,
            action=ticket.action,
            subject=ticket.subject or Subject("image", ticket.id, ticket.name),
            outcome=AuditEntry.Outcome.FAILED,
            detail=reason,
        )
