"""What the end of an operation means for what is written here of the container it was about."""

import logging
from functools import partial

from django.db import IntegrityError, transaction

from engine import ContainerSpec, InvalidSpec, Update
from panel.containers.models import Container
from panel.operations.models import Operation
from panel.realtime.changes import announce

logger = logging.getLogger(__name__)


def settle(row: Operation, message: str) -> None:
    """Called when `row` has its outcome; `message` says why it failed, if it did."""
    is_done = row.status == Operation.Status.DONE
    match row.kind:
        case "containers.create" if not is_done:
            _give_up_creating(row, message)
        case "containers.rename" if not is_done:
            _give_old_name_back(row)
        case "containers.update" if is_done:
            _write_change_down(row)


def _give_up_creating(row: Operation, message: str) -> None:
    """A container that was to be created and will not be says so."""
    creating = Container.objects.filter(pk=row.object_id, status=Container.Status.CREATING)
    creating.update(status=Container.Status.FAILED, error=message)
    transaction.on_commit(partial(announce, "containers", row.object_id))


def _give_old_name_back(row: Operation) -> None:
    """The host calls it as before, so it is called so here, unless it has been renamed again since."""
    container = Container.objects.filter(pk=row.object_id, name=row.payload["name"]).first()
    if container is None:
        return
    container.name = row.object_name
    container.spec = {**container.spec, "name": row.object_name}
    try:
        with transaction.atomic():
            container.save(update_fields=["name", "spec"])
    except IntegrityError:
        logger.warning("container %s keeps the name %s here: its old one was taken", row.object_id, row.payload["name"])
    transaction.on_commit(partial(announce, "containers", row.object_id))


def _write_change_down(row: Operation) -> None:
    """The host keeps other limits from now on: so says the specification."""
    container = Container.objects.filter(pk=row.object_id).first()
    if container is None:
        return
    try:
        changed = Update.from_json(row.payload["change"]).apply(ContainerSpec.from_json(container.spec))
    except InvalidSpec as error:
        logger.warning("what is known of container %s cannot be changed: %s", row.object_id, error)
        return
    Container.objects.filter(pk=container.pk).update(spec=changed.to_json())
    transaction.on_commit(partial(announce, "containers", row.object_id))
