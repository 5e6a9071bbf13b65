"""What may be asked of whole volumes: back up, restore, clone, rename, and read as an archive."""

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.containers.trust import PERMISSION
from panel.door import service
from panel.hosts.choice import host_named
from panel.hosts.models import Host
from panel.operations.models import Operation
from panel.uploads.tickets import Ticket
from panel.volumes.requests import of, request


@service("volumes.manage", action="volumes.list_backups")
def allow_list(*, actor: Actor, name: str) -> None:
    """Allow the backups of the volume to be listed: only a refusal is written down."""


@service("volumes.manage")
def back_up(*, actor: Actor, host: Host, name: str, freeze: bool = False) -> Operation:
    """Keep what the volume holds in a file of its host; with `freeze` nobody changes it meanwhile."""
    return request(actor, host, "back_up", name, {"name": name, "freeze": freeze})


@service("volumes.manage", action="volumes.remove_backup")
def remove(*, actor: Actor, host: Host, name: str, backup: str) -> Operation:
    """Take a backup away."""
    return request(actor, host, "remove_backup", name, {"name": name, "backup": backup})


@service("volumes.manage")
def restore(*, actor: Actor, host: Host, name: str, backup: str, into: str = "", replace: bool = False) -> Operation:
    """Put a backup of volume `name` into the volume `into`, that one itself if it is not said."""
    payload = {"name": into or name, "source": name, "backup": backup, "replace": replace}
    return request(actor, host, "restore", into or name, payload)


@service("volumes.manage", action="volumes.download")
def allow_download(*, actor: Actor, name: str, backup: str = "") -> None:
    """Allow what the volume holds, or a backup of it, to be read; that it was is in the audit log."""
    audit.record(actor=actor, action="volumes.download", subject=of(name), after={"backup": backup} if backup else {})


@service("volumes.manage", action="volumes.restore_upload")
def allow_restore(*, actor: Actor, name: str, replace: bool = False) -> Ticket:
    """Allow an archive to be uploaded that the volume is to hold."""

    def arrived(ticket: Ticket, size_bytes: int) -> Operation:
        return restore_upload(actor=actor, host=ticket.host, name=name, upload=ticket.id, replace=replace)

    return Ticket(actor, host_named(""), "volumes.restore_upload", name[:200], arrived=arrived, subject=of(name))


@service("volumes.manage")
def restore_upload(*, actor: Actor, host: Host, name: str, upload: str, replace: bool = False) -> Operation:
    """Put what was uploaded into the volume; devices in it are for those who are trusted with them."""
    payload = {"name": name, "upload": upload, "replace": replace, "takes_devices": actor.may(PERMISSION)}
    return request(actor, host, "restore_upload", name, payload)


@service("volumes.manage")
def clone(
    *, actor: Actor, host: Host, name: str, new_name: str, size_bytes: int | None = None, freeze: bool = False
) -> Operation:
    """Make a volume that holds the same."""
    payload = {"name": name, "new_name": new_name, "size_bytes": size_bytes, "freeze": freeze}
    return request(actor, host, "clone", name, payload)


@service("volumes.manage")
def rename(*, actor: Actor, host: Host, name: str, new_name: str) -> Operation:
    """Call it something else. The host refuses while a container uses it."""
    return request(actor, host, "rename", name, {"name": name, "new_name": new_name})
