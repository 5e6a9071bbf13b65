"""Volumes that nobody needs: what a prune would take."""

from typing import Any

from panel.accounts.actors import Actor
from panel.containers import live
from panel.errors import NotPermitted

_TIMEOUT_S = 300


def prunable(actor: Actor, *, with_named: bool) -> dict[str, Any]:
    """`{"volumes": [{"id", "name", "size_bytes"}], "freed_bytes"}` at this moment. Raises NotPermitted, AgentError."""
    if not actor.may("volumes.view"):
        raise NotPermitted("volumes.view")
    found = live.read("prunable-volumes", [("with_named", str(int(with_named)))], timeout_s=_TIMEOUT_S)["volumes"]
    return {"volumes": found, "freed_bytes": sum(volume["size_bytes"] for volume in found)}
