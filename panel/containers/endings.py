"""What the end of an operation means for what is written here of the container it was about."""

import logging
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.dispatch import receiver

from engine import ContainerSpec, InvalidSpec, Update
from panel.containers.models import Container
from panel.operations.endings import ended
from panel.operations.models import Operation
from panel.realtime.changes import announce

logger = logging.getLogger(__name__)


@receiver(ended)
def settle(operation: Operation, **_: Any) -> None:
    """Called when it has its outcome."""
    is_done = operation.status == Operation.Status.DONE
    match operation.kind:
        case "containers.create" if not is_done:
            _give_up_creating(operation)
        case "containers.rename" if not is_done:
            _give_old_name_back(operation)
        case "containers.update" if is_done:
            _write_change_down(operation)


def _give_up_creating(operation: Operation) -> None:
    """A container that was to be created and will not be says so."""
    creating = Container.objects.filter(pk=operation.object_id, status=Container.Status.CREATING)
    creating.update(status=Container.Status.FAILED, error=operation.failure)
    transaction.on_commit(partial(announce, "containers", operation.object_id))


def _give_old_name_back(operation: Operation) -> None:
    """The host calls it as before, so it is called so here, unless it has been renamed again since."""
    container = Container.objects.filter(pk=operation.object_id, name=operation.payload["name"]).first()
    if container is None:
        return
    container.name = operation.object_name
    container.spec = {**container.spec, "name": operation.object_name}
    try:
        with transaction.atomic():
            container.save(update_fields=["name", "spec"])
    except IntegrityError:
        logger.warning(
            "container %s keeps the name %s here: its old one was taken", operation.object_id, operation.payload["name"]
        )
    transaction.on_commit(partial(announce, "containers", operation.object_id))


def _write_change_down(operation: Operation) -> None:
    """The host keeps other limits from now on: so says the specification."""
    container = Container.objects.filter(pk=operation.object_id).first()
    if container is None:
        return
    try:
        changed = Update.from_json(operation.payload["change"]).apply(ContainerSpec.from_json(container.spec))
    except InvalidSpec as error:
        logger.warning("what is known of container %s cannot be changed: %s", operation.object_id, error)
        return
    Container.objects.filter(pk=container.pk).update(spec=changed.to_json())
    transaction.on_commit(partial(announce, "containers", operation.object_id))
