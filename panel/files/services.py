"""What may be asked of files: to look at them, to change them, to send one. Each way in is audited, also in vain.

Containers and volumes take permissions of their own, so there is a door for each; `at` chooses it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.models import AuditEntry
from panel.containers import trust
from panel.door import Need, service
from panel.files.places import Place
from panel.hosts.models import Host
from panel.operations import services as operations
from panel.operations.models import Operation
from panel.uploads.tickets import Ticket

LISTED_AGAIN = timedelta(minutes=5)
"""Who lists the same folder again within this time is not written down again."""


def _enter(arguments: dict[str, Any]) -> Need | None:
    return trust.to_enter({"container": arguments["place"].container})


@service("containers.files", action="files.read", further=_enter)
def read_container(*, actor: Actor, place: Place, verb: str, told: dict[str, Any]) -> None:
    """Allow something of a container's files to be read; `verb` and `told` say what, for the audit log."""
    _read(actor, place, verb, told)


@service("volumes.files", action="files.read")
def read_volume(*, actor: Actor, place: Place, verb: str, told: dict[str, Any]) -> None:
    """The same of a volume's."""
    _read(actor, place, verb, told)


@service("containers.files", action="files.change", further=_enter)
def change_container(*, actor: Actor, place: Place, verb: str, arguments: dict[str, Any]) -> Operation:
    """Have its host change a container's files by a task of `panel.files.tasks`."""
    return _change(actor, place, verb, arguments)


@service("volumes.files", action="files.change")
def change_volume(*, actor: Actor, place: Place, verb: str, arguments: dict[str, Any]) -> Operation:
    """The same of a volume's."""
    return _change(actor, place, verb, arguments)


@service("containers.files", action="files.put", further=_enter)
def allow_put_container(*, actor: Actor, place: Place, path: str, replaces: bool, digest: str) -> Ticket:
    """Allow a file to be sent into a container."""
    return _allow_put(actor, place, path, replaces, digest)


@service("volumes.files", action="files.put")
def allow_put_volume(*, actor: Actor, place: Place, path: str, replaces: bool, digest: str) -> Ticket:
    """The same into a volume."""
    return _allow_put(actor, place, path, replaces, digest)


@dataclass(frozen=True)
class Doors:
    """The services of one kind of place."""

    read: Callable[..., None]
    change: Callable[..., Operation]
    allow_put: Callable[..., Ticket]


_CONTAINER = Doors(read_container, change_container, allow_put_container)
_VOLUME = Doors(read_volume, change_volume, allow_put_volume)


def at(place: Place) -> Doors:
    """Those of this place."""
    return _VOLUME if place.container is None else _CONTAINER


def _read(actor: Actor, place: Place, verb: str, told: dict[str, Any]) -> None:
    action = f"files.{verb}"
    if verb == "list" and _was_listed(actor, place, action, told):
        return
    audit.record(actor=actor, action=action, subject=place.subject, after=told)


def _was_listed(actor: Actor, place: Place, action: str, told: dict[str, Any]) -> bool:
    """Whether the same person was told the same a moment ago: a page that refreshes itself is one access."""
    lately = AuditEntry.objects.filter(
        action=action,
        actor=actor.user,
        object_kind=place.subject.kind,
        object_id=place.subject.id,
        at__gt=timezone.now() - LISTED_AGAIN,
    )
    return any(entry.after == told for entry in lately.order_by("-pk")[:20])


def _change(actor: Actor, place: Place, verb: str, arguments: dict[str, Any]) -> Operation:
    shown = {name: value for name, value in arguments.items() if name != "upload" and value not in ("", False)}
    audit.record(actor=actor, action=f"files.{verb}", subject=place.subject, after=shown)
    whose = {"container": "", "volume": "", place.subject.kind: place.subject.id}
    return operations.request(
        actor=actor, kind=f"files.{verb}", host=place.host, subject=place.subject, payload=whose | arguments
    )


def _allow_put(actor: Actor, place: Place, path: str, replaces: bool, digest: str) -> Ticket:
    def arrived(ticket: Ticket, size_bytes: int) -> Operation:
        arguments = {"path": path, "upload": ticket.id, "replaces": replaces, "digest": digest}
        return at(place).change(actor=actor, place=place, verb="put", arguments=arguments)

    host = Host.objects.get(pk=place.host)
    return Ticket(actor, host, "files.put", place.subject.name, arrived, place.subject)
