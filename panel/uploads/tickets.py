"""A permitted upload between its two halves: allowed by the panel, then streamed by `panel/uploads/asgi.py`."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from panel.accounts.actors import Actor
from panel.audit.subject import Subject
from panel.hosts.models import Host
from panel.operations.models import Operation

UPLOAD_HEADER = "Moorage-Upload"


@dataclass(frozen=True)
class Ticket:
    """One upload somebody may make. `arrived` is told its size in bytes once all is on the host; `action` names what
    was to be done, for the audit log, `subject` with what, if not with a new image called `name`."""

    actor: Actor
    host: Host
    action: str
    name: str
    arrived: "Callable[[Ticket, int], Operation]"
    subject: Subject | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


_issued: dict[str, Ticket] = {}


def issue(ticket: Ticket) -> str:
    """Keep the ticket until its upload begins, in this very process; its id."""
    _issued[ticket.id] = ticket
    return ticket.id


def redeem(upload: str) -> Ticket:
    """Take the ticket; each is good once."""
    return _issued.pop(upload)
