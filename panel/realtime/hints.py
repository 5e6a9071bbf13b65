"""`/ws/changes/`: tells an open page that a list it may see has changed, as `{"changed": "containers", "id": …}`.

Only hints: a page that was away fetches itself anew when it is back.
"""

import json
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from panel.accounts.actors import Actor

PERMISSIONS = {
    "containers": "containers.view",
    "images": "images.view",
    "operations": "operations.view",
    "volumes": "volumes.view",
}
REFUSED = 4403


class Changes(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One page. It hears of the kinds its user may see; a visitor who may see none is turned away with 4403."""

    kinds: tuple[str, ...] = ()

    async def connect(self) -> None:
        """Listen first, accept then: what changes after the page knows of the connection is told."""
        self.kinds = await database_sync_to_async(_visible_kinds)(self.scope)
        for kind in self.kinds:
            await self.channel_layer.group_add(kind, self.channel_name)
        await self.accept()
        if not self.kinds:
            await self.close(code=REFUSED)

    async def disconnect(self, code: int) -> None:
        """Stop listening."""
        for kind in self.kinds:
            await self.channel_layer.group_discard(kind, self.channel_name)

    async def changed(self, event: dict[str, Any]) -> None:
        """Pass on what `panel.realtime.changes.announce` said."""
        await self.send(text_data=json.dumps({"changed": event["changed"], "id": event["id"]}))


def _visible_kinds(scope: dict[str, Any]) -> tuple[str, ...]:
    actor = Actor.from_scope(scope)
    return tuple(kind for kind, permission in PERMISSIONS.items() if actor.may(permission))
