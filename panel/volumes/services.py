"""What may be asked of volumes: create, resize, remove, prune. Each answers with its operation."""

from typing import Any

from engine import VolumeSpec, reaches_host
from panel.accounts.actors import Actor
from panel.containers.trust import PERMISSION
from panel.door import Need, service
from panel.errors import in_callers_terms
from panel.hosts.models import Host
from panel.operations.models import Operation
from panel.volumes.requests import request


def _to_create(arguments: dict[str, Any]) -> Need | None:
    """A volume that shows what is the host's, or its network's, gives its containers more of the host."""
    options = arguments["spec"].get("options")
    return Need(PERMISSION, "options") if isinstance(options, dict) and reaches_host(_texts(options)) else None


def _texts(options: dict[Any, Any]) -> dict[str, str]:
    """What is no text is nothing the host will take; until it says so, it counts as what it looks like."""
    return {str(name): str(value) for name, value in options.items()}


@service("volumes.manage", further=_to_create)
def create(*, actor: Actor, host: Host, spec: dict[str, Any], name: str = "") -> Operation:
    """Make the volume that `spec`, `engine.VolumeSpec` as JSON, describes, unless it is there.

    Without a name it gets one of 64 digits, which the result tells. Options that show what is the host's take
    `containers.create_privileged` too.
    """
    with in_callers_terms():
        wanted = VolumeSpec.from_json(spec)
    return request(actor, host, "create", name, {"name": name, "spec": wanted.to_json()})


@service("volumes.manage")
def resize(*, actor: Actor, host: Host, name: str, size_bytes: int) -> Operation:
    """Let it hold so much, while it is used; the host says where that is not possible."""
    with in_callers_terms():
        VolumeSpec(size_bytes=size_bytes).validate()
    return request(actor, host, "resize", name, {"name": name, "size_bytes": size_bytes})


@service("volumes.manage")
def remove(*, actor: Actor, host: Host, name: str, force: bool = False) -> Operation:
    """Remove it with its files. The host refuses one that is used; with `force` one that is gone is no error."""
    return request(actor, host, "remove", name, {"name": name, "force": force})


@service("volumes.manage")
def prune(*, actor: Actor, host: Host, with_named: bool = False) -> Operation:
    """Remove every volume that no container uses, those with a name of their own only if asked."""
    return request(actor, host, "prune", "", {"with_named": with_named})
