"""Writes down what hosts report about containers; a late report never overwrites a newer one."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from celery import shared_task
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Exists, OuterRef

from engine import ContainerState, InvalidSpec
from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.containers.models import Container
from panel.hosts.moments import moment
from panel.operations.models import Operation
from panel.realtime.changes import announce

logger = logging.getLogger(__name__)

MOST_WARNINGS = 50
MOST_MOUNTED_IMAGES = 100
MOST_RESTARTS = (1 << 31) - 1  # what the column holds

RETRY: dict[str, Any] = {
    "autoretry_for": (OperationalError,),
    "retry_backoff": 0.5,
    "retry_backoff_max": 8,
    "max_retries": None,
}
"""For every record: a database that is away is waited for."""


@shared_task(name="containers.observed", **RETRY)
def observed(*, host: str, containers: list[Any], removed: Sequence[Any] = ()) -> None:
    """States a host noticed by itself, such as an exit; and what it removed, as the container itself had asked."""
    with transaction.atomic():
        apply_states(host, containers)
        for container in _known(host, removed):
            _note_gone(host, container, "containers.expired")


def apply_states(host: str, values: list[Any]) -> None:
    """Write down those states that are newer than what is known; containers nobody knows here are left alone."""
    for value in values:
        state = parse_state(value)
        if state is not None and _update(host, state):
            transaction.on_commit(partial(announce, "containers", state.id))


def remove(host: str, ids: list[Any]) -> None:
    """These containers are gone from the host."""
    for container in _known(host, ids):
        transaction.on_commit(partial(announce, "containers", container.id))
        container.delete()


def _known(host: str, ids: Sequence[Any]) -> Iterator[Container]:
    yield from Container.objects.filter(host_id=host, pk__in=[id_ for id_ in ids if isinstance(id_, str)])


def reconcile(host: str, values: list[Any], specs: dict[str, Any], taken_at: datetime) -> None:
    """Make the host's containers here what the host says it has.

    Unknown ones are written down, those the host has no longer are removed, except for what an operation was at when
    the report was taken, or since: of that the operation's own end tells.
    """
    states = [state for value in values if (state := parse_state(value)) is not None]
    for state in states:
        if not Container.objects.filter(pk=state.id).exists():
            if not Operation.objects.open_since(taken_at).about("container", state.id).exists():
                _insert(host, state, specs.get(state.id))
        elif _update(host, state):
            transaction.on_commit(partial(announce, "containers", state.id))
    _remove_vanished(host, {state.id for state in states}, taken_at)


def parse_state(value: Any) -> ContainerState | None:
    """The state a host sent; None, with a line in the log, for one that is not well formed."""
    try:
        state = ContainerState.from_json(value)
    except InvalidSpec as error:
        logger.warning("a host's report of a container is not well formed: %s", error)
        return None
    if len(state.id) != 64 or not set(state.id) <= set("0123456789abcdef") or state.pid < 0 or state.run < 0:
        logger.warning("a host's report names the container %.80r", state.id)
        return None
    return state


def _update(host: str, state: ContainerState) -> bool:
    """Whether the state was newer; the comparison and the write are one statement, so two reports cannot cross."""
    known = Container.objects.filter(pk=state.id, host_id=host, seq__lt=state.seq)
    return known.update(**_columns(state)) > 0


def _columns(state: ContainerState) -> dict[str, Any]:
    return {
        "status": state.status.value,
        "image_id": state.image[:80],
        "seq": state.seq,
        "run": state.run,
        "pid": state.pid,
        "exit_code": None if state.exit_code is None else state.exit_code & 0xFFFF,
        "oom_killed": state.oom_killed,
        "error": state.error.replace("\0", "\ufffd")[:4000],
        "started_at": moment(state.started_at),
        "finished_at": moment(state.finished_at),
        "health": state.health[:16],
        "restart_count": min(max(state.restart_count, 0), MOST_RESTARTS),
        "restart_at": moment(state.restart_at),
        "expires_at": moment(state.expires_at),
        "warnings": [warning.replace("\0", "\ufffd")[:500] for warning in state.warnings[:MOST_WARNINGS]],
        "mounted_images": [image[:80] for image in state.mounted_images[:MOST_MOUNTED_IMAGES]],
    }


def _insert(host: str, state: ContainerState, spec: Any) -> None:
    """Write down a container this database does not know. Its name may be taken here by now."""
    known_spec = spec if isinstance(spec, dict) else {}
    is_running = state.status.value in Container.LIVE
    columns = _columns(state) | {
        "id": state.id,
        "host_id": host,
        "image": str(known_spec.get("image") or state.image)[:500],
        "spec": known_spec,
        "desired": Container.Desired.RUNNING if is_running else Container.Desired.STOPPED,
    }
    name = state.name[:110]
    try:
        with transaction.atomic():
            container = Container.objects.create(name=name, **columns)
    except IntegrityError:
        container = Container.objects.create(name=f"{name}-{state.id[:12]}", **columns)
    if created_at := moment(state.created_at):
        Container.objects.filter(pk=container.pk).update(created_at=created_at)
    audit.record(actor=Actor.system(host), action="containers.found", subject=container.subject, after=columns["spec"])
    transaction.on_commit(partial(announce, "containers", container.id))


def _remove_vanished(host: str, present: set[str], taken_at: datetime) -> None:
    at_work = Operation.objects.open_since(taken_at).filter(object_kind="container", object_id=OuterRef("pk"))
    gone = Container.objects.filter(host_id=host, created_at__lt=taken_at).exclude(status=Container.Status.FAILED)
    for container in gone.exclude(pk__in=present).exclude(Exists(at_work)):
        _note_gone(host, container, "containers.vanished")


def _note_gone(host: str, container: Container, action: str) -> None:
    audit.record(
        actor=Actor.system(host),
        action=action,
        subject=container.subject,
        before={"status": container.status, "spec": container.spec},
    )
    transaction.on_commit(partial(announce, "containers", container.id))
    container.delete()
