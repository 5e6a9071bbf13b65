"""What may be asked of volumes: create, remove, prune. Each answers with its operation; the host checks the values."""

from typing import Any

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.subject import Subject
from panel.door import service
from panel.hosts.models import Host
from panel.operations import services as operations
from panel.operations.models import Operation


@service("volumes.manage")
def create(*, actor: Actor, host: Host, name: str = "", labels: dict[str, str] | None = None) -> Operation:
    """Make a volume unless it is there; without a name it gets one of 64 digits, which the result tells."""
    return _request(actor, host, "create", name, {"name": name, "labels": labels or {}})


@service("volumes.manage")
def remove(*, actor: Actor, host: Host, name: str, force: bool = False) -> Operation:
    """Remove it with its files. The host refuses one that is used; with `force` one that is gone is no error."""
    return _request(actor, host, "remove", name, {"name": name, "force": force})


@service("volumes.manage")
def prune(*, actor: Actor, host: Host, with_named: bool = False) -> Operation:
    """Remove every volume that no container uses, those with a name of their own only if asked."""
    return _request(actor, host, "prune", "", {"with_named": with_named})


def _request(actor: Actor, host: Host, verb: str, name: str, payload: dict[str, Any]) -> Operation:
    subject = Subject("volume", name[:200], name[:200])
    audit.record(actor=actor, action=f"volumes.{verb}", subject=subject, after=payload)
    return operations.request(actor=actor, kind=f"volumes.{verb}", host=host.name, subject=subject, payload=payload)
