"""What the end of an operation means for what is known of tags."""

from functools import partial

from django.db import transaction

from engine import Reference
from panel.accounts.actors import Actor, How
from panel.errors import Refused
from panel.images import updates
from panel.operations.models import Operation
from panel.realtime.changes import announce
from panel.registries.access import way_for
from panel.registries.models import Credential


def settle(row: Operation) -> None:
    """Called when `row` has its outcome: a tag that was pulled is asked about from now on; answers are written down."""
    if row.status != Operation.Status.DONE:
        return
    if row.kind == updates.KIND:
        updates.write_down(row)
    elif row.kind == "images.pull":
        _track(row)
    else:
        return
    transaction.on_commit(partial(announce, "images", row.host_id))


def _track(row: Operation) -> None:
    images = row.result.get("images") if isinstance(row.result, dict) else None
    image_id = images[0].get("id") if images and isinstance(images[0], dict) else None
    reference = row.payload["reference"]
    if isinstance(image_id, str) and "@" not in reference:
        updates.track(row.host_id, reference, image_id[:80], _credential(row))


def _credential(row: Operation) -> Credential | None:
    """With which whoever pulled it signs in there."""
    actor = Actor(user=row.started_by, name=row.started_by_name, how=How.SYSTEM)
    try:
        return way_for(actor, Reference.parse(row.payload["reference"]).domain).credential
    except Refused:
        return None
