"""How a host is asked to do something with a volume: audited, and as an operation."""

from typing import Any

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.subject import Subject
from panel.hosts.models import Host
from panel.operations import services as operations
from panel.operations.models import Operation


def of(name: str) -> Subject:
    """The volume as the audit log names it."""
    return Subject("volume", name[:200], name[:200])


def request(actor: Actor, host: Host, verb: str, name: str, payload: dict[str, Any]) -> Operation:
    """Write it down and have the host do `verb`, a task of this area's."""
    audit.record(actor=actor, action=f"volumes.{verb}", subject=of(name), after=payload)
    return operations.request(actor=actor, kind=f"volumes.{verb}", host=host.name, subject=of(name), payload=payload)
