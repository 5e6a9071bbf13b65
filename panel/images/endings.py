"""What the end of an operation means for what is known of tags."""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from engine import Reference
from panel.accounts.actors import Actor, How
from panel.errors import Refused
from panel.images import updates
from panel.operations.endings import ended
from panel.operations.models import Operation
from panel.realtime.changes import announce
from panel.registries.access import way_for
from panel.registries.models import Credential


@receiver(ended)
def settle(operation: Operation, **_: Any) -> None:
    """Called when it has its outcome: a tag that was pulled is asked about from now on; answers are written down."""
    if operation.status != Operation.Status.DONE:
        return
    if operation.kind == updates.KIND:
        updates.write_down(operation)
    elif references := _pulled(operation):
        _track(operation, references)
    else:
        return
    transaction.on_commit(partial(announce, "images", operation.host_id))


def _pulled(operation: Operation) -> list[str]:
    """The references it pulled, by itself or for a new container."""
    payload = operation.payload
    match operation.kind:
        case "images.pull":
            return [str(payload["reference"])]
        case "containers.create":
            return [str(pull["reference"]) for pull in payload.get("pulls", ())]
    return []


def _track(operation: Operation, references: list[str]) -> None:
    images = operation.result.get("images") if isinstance(operation.result, dict) else None
    for reference, image in zip(references, images if isinstance(images, list) else [], strict=False):
        image_id = image.get("id") if isinstance(image, dict) else None
        if isinstance(image_id, str) and "@" not in reference:
            updates.pulled(operation.host_id, reference, image_id[:80], _credential(operation, reference))


def _credential(operation: Operation, reference: str) -> Credential | None:
    """With which whoever pulled it signs in there."""
    actor = Actor(user=operation.started_by, name=operation.started_by_name, how=How.SYSTEM)
    try:
        return way_for(actor, Reference.parse(reference).domain).credential
    except Refused:
        return None
