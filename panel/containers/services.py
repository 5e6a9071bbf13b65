"""What may be asked of containers: create, start, stop, kill, restart, remove. Each answers with its operation."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from engine import ContainerSpec, InvalidSpec
from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.containers import names
from panel.containers.models import Container
from panel.door import service
from panel.errors import Conflicting, Invalid
from panel.hosts.models import Host
from panel.images.models import Image
from panel.images.references import find
from panel.operations import services as operations
from panel.operations.models import Operation


@service("containers.create")
def create(*, actor: Actor, spec: dict[str, Any], host: Host | None = None, start: bool = True) -> Operation:
    """Create a container from `spec`, `engine.ContainerSpec` as JSON; an empty name becomes a friendly one.

    The container is `Container.objects.get(pk=operation.object_id)`. Raises Invalid naming the field for a value no
    host could run or an image the host does not have, Conflicting for a name that is taken.
    """
    host = host or Host.objects.order_by("created_at").first()
    if host is None:
        raise Conflicting(_("There is no host yet."), hint=_("Start the host worker and try again."))
    checked = _checked(spec)
    image = _image(host, checked.image)
    container = _insert(
        name=checked.name,
        host=host,
        image=checked.image,
        image_id=image.image_id,
        spec=checked.to_json(),
        desired=Container.Desired.RUNNING if start else Container.Desired.STOPPED,
        created_by=actor.user,
        created_by_name=actor.name,
    )
    return _request(actor, container, "create", {"spec": container.spec, "start": start}, after=container.spec)


@service("containers.operate")
def start(*, actor: Actor, container: Container) -> Operation:
    """Start it; nothing happens to one that runs."""
    return _request(actor, container, "start", desired=Container.Desired.RUNNING)


@service("containers.operate")
def stop(*, actor: Actor, container: Container, signal: str | None = None, timeout_s: float | None = None) -> Operation:
    """Signal it, wait `timeout_s`, then kill it. None is what its specification says."""
    _check_ending(signal, timeout_s)
    arguments = {"signal": signal, "timeout_s": timeout_s}
    return _request(actor, container, "stop", arguments, desired=Container.Desired.STOPPED)


@service("containers.operate")
def kill(*, actor: Actor, container: Container, signal: str = "KILL") -> Operation:
    """Send a signal to its first process. It should be stopped afterwards only if the signal is KILL."""
    _check_ending(signal)
    stops = signal.upper().removeprefix("SIG") in ("KILL", "9")
    return _request(actor, container, "kill", {"signal": signal}, desired=Container.Desired.STOPPED if stops else None)


@service("containers.operate")
def restart(*, actor: Actor, container: Container, timeout_s: float | None = None) -> Operation:
    """Stop it if it runs, then start it."""
    _check_ending(None, timeout_s)
    return _request(actor, container, "restart", {"timeout_s": timeout_s}, desired=Container.Desired.RUNNING)


@service("containers.delete")
def remove(*, actor: Actor, container: Container, force: bool = False) -> Operation:
    """Remove it with its writable layer and logs. Conflicting if it runs and `force` is not set."""
    if container.is_running and not force:
        raise Conflicting(
            _("The container %(name)s is running.") % {"name": container.name},
            hint=_("Stop it first, or remove it by force."),
        )
    return _request(actor, container, "remove", {"force": force}, desired=Container.Desired.STOPPED)


def image_of(container: Container) -> Image | None:
    """The image the container was made from, if its host still has it."""
    return Image.objects.filter(host=container.host_id, image_id=container.image_id).first()


def _checked(spec: dict[str, Any]) -> ContainerSpec:
    try:
        return ContainerSpec.from_json({**spec, "name": spec.get("name") or names.friendly()})
    except InvalidSpec as error:
        raise Invalid(error.message.removeprefix(f"{error.field}: "), hint=error.hint, field=error.field) from error


def _check_ending(signal: str | None, timeout_s: float | None = None) -> None:
    """Hold a signal and a grace period to the rules of a specification's own."""
    asked = {"name": "any", "image": "any", "stop_signal": signal or ""}
    try:
        ContainerSpec.from_json(asked | ({} if timeout_s is None else {"stop_timeout_s": timeout_s}))
    except InvalidSpec as error:
        field = error.field.removeprefix("stop_")
        raise Invalid(error.message.removeprefix(f"{error.field}: "), hint=error.hint, field=field) from error


def _insert(*, name: str, **columns: Any) -> Container:
    """Write the container down. Two who want the same name at once meet at the database's own constraint."""
    try:
        with transaction.atomic():
            return Container.objects.create(name=name, **columns)
    except IntegrityError:
        raise Conflicting(
            _("The name %(name)s is taken by another container.") % {"name": name},
            hint=_("Choose another name or remove that container."),
            field="name",
        ) from None


def _image(host: Host, name: str) -> Image:
    image = find(host, name)
    if image is None:
        raise Invalid(
            _("There is no image %(image)s on the host %(host)s.") % {"image": name, "host": host.name},
            hint=_("Load the image first."),
            field="image",
        )
    return image


_ENDS = ("stop", "kill", "restart", "remove")  # the host keeps, with the end of a run, who asked for it


def _request(
    actor: Actor,
    container: Container,
    verb: str,
    arguments: dict[str, Any] | None = None,
    *,
    desired: Container.Desired | None = None,
    after: Any = None,
) -> Operation:
    """Note what should be, write the audit row, ask the host."""
    before = None
    if desired is not None:
        before, after = {"desired": container.desired, "status": container.status}, {"desired": desired.value}
        container.desired = desired
        container.save(update_fields=["desired"])
    if verb != "create":
        after = {**(after or {}), **{key: value for key, value in (arguments or {}).items() if value is not None}}
    audit.record(actor=actor, action=f"containers.{verb}", subject=container.subject, before=before, after=after)
    return operations.request(
        actor=actor,
        kind=f"containers.{verb}",
        host=container.host_id,
        subject=container.subject,
        payload={"id": container.id, **(arguments or {}), **({"asked_by": actor.name} if verb in _ENDS else {})},
    )
