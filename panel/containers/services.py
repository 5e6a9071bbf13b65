"""What may be asked of containers, from create to remove. Each answers with its operation.

`actor.name` goes to the host with what ends a run, which keeps it with the end.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.subject import Subject
from panel.containers import asked, pulls, trust
from panel.containers.models import Container
from panel.door import Need, service
from panel.errors import Conflicting, Invalid
from panel.hosts.models import Host
from panel.images.models import Image
from panel.operations import services as operations
from panel.operations.models import Operation
from panel.uploads.tickets import Ticket

LONGEST_EXEC_S = 300.0


def _to_create(arguments: dict[str, Any]) -> list[Need]:
    """Privileges take a permission of their own, and so does a pull."""
    return [*pulls.needed(arguments), *filter(None, [trust.to_create(arguments)])]


@service("containers.create", further=_to_create)
def create(
    *, actor: Actor, spec: dict[str, Any], host: Host | None = None, start: bool = True, pull: str = "never"
) -> Operation:
    """Create a container from `spec`, `engine.ContainerSpec` as JSON; an empty name becomes a friendly one.

    The container is `Container.objects.get(pk=operation.object_id)`. Its image and those it mounts are pulled before
    `never`, if they are `missing`, or `always`. Raises Invalid naming the field for a value no host could run or an
    image the host does not have, Conflicting for a name that is taken. What gives the container more of its host takes
    `containers.create_privileged` too, a pull `images.pull`.
    """
    host = host or first_host()
    checked = asked.with_partners(asked.spec_of(spec), host)
    wanted = pulls.Wanted(actor, host, checked, pulls.policy(pull))
    container = _insert(
        name=checked.name,
        host=host,
        image=checked.image,
        image_id=wanted.image.image_id if wanted.image else "",
        spec=checked.to_json(),
        joins_plain=trust.joins_plain(checked),
        desired=Container.Desired.RUNNING if start else Container.Desired.STOPPED,
        created_by=actor.user,
        created_by_name=actor.name,
    )
    return _request(
        actor,
        container,
        "create",
        {"spec": container.spec, "start": start},
        after=container.spec,
        further=wanted.payload,
    )


@service("containers.operate")
def start(*, actor: Actor, container: Container) -> Operation:
    """Start it; nothing happens to one that runs."""
    return _request(actor, container, "start", desired=Container.Desired.RUNNING)


@service("containers.operate")
def stop(*, actor: Actor, container: Container, signal: str | None = None, timeout_s: float | None = None) -> Operation:
    """Signal it, wait `timeout_s`, then kill it. None is what its specification says."""
    asked.check_ending(signal, timeout_s)
    arguments = {"signal": signal, "timeout_s": timeout_s}
    return _request(actor, container, "stop", arguments, desired=Container.Desired.STOPPED)


@service("containers.operate")
def kill(*, actor: Actor, container: Container, signal: str = "KILL") -> Operation:
    """Send a signal to its first process. It should be stopped afterwards only if the signal is KILL."""
    asked.check_ending(signal)
    stops = signal.upper().removeprefix("SIG") in ("KILL", "9")
    return _request(actor, container, "kill", {"signal": signal}, desired=Container.Desired.STOPPED if stops else None)


@service("containers.operate")
def restart(*, actor: Actor, container: Container, timeout_s: float | None = None) -> Operation:
    """Stop it if it runs, then start it."""
    asked.check_ending(None, timeout_s)
    return _request(actor, container, "restart", {"timeout_s": timeout_s}, desired=Container.Desired.RUNNING)


@service("containers.operate")
def pause(*, actor: Actor, container: Container) -> Operation:
    """Let all of it stand still; nothing happens to one that is paused."""
    return _request(actor, container, "pause")


@service("containers.operate")
def unpause(*, actor: Actor, container: Container) -> Operation:
    """Let it run on; nothing happens to one that runs."""
    return _request(actor, container, "unpause")


@service("containers.operate")
def rename(*, actor: Actor, container: Container, name: str) -> Operation:
    """Give it another name, at once here and then on its host; if the host fails, it gets the old one back.

    Raises Invalid for what is no name, Conflicting for one that is taken.
    """
    asked.check_name(name)
    before = container.subject
    container.name = name
    if container.spec:
        container.spec["name"] = name
    try:
        with transaction.atomic():
            container.save(update_fields=["name", "spec"])
    except IntegrityError:
        raise _taken(name) from None
    return _request(actor, container, "rename", {"name": name}, subject=before)


@service("containers.operate", further=trust.to_change)
def update(*, actor: Actor, container: Container, change: dict[str, Any]) -> Operation:
    """Give it other limits or another restart policy, at once: `change` is `engine.Update` as JSON, null lifts a limit.

    Its specification here follows when the host has done it. Raises Invalid naming the field.
    """
    asked.changed(container, change)
    return _request(actor, container, "update", {"change": change})


@service("containers.exec", action="containers.exec", further=trust.to_enter)
def execute(
    *, actor: Actor, container: Container, spec: dict[str, Any], detach: bool = False, timeout_s: float = 60.0
) -> Operation:
    """Run one more program in it, `engine.ExecSpec` as JSON.

    With `detach` the operation ends when the program runs; else when it has ended, with its output, or is killed after
    `timeout_s` (at most 300). Raises Invalid naming the field.
    """
    asked.exec_spec(spec)
    if not 0 < timeout_s <= LONGEST_EXEC_S:
        raise Invalid(f"{timeout_s} is not between 0 and {LONGEST_EXEC_S:.0f}", field="timeout_s")
    return _request(actor, container, "exec", {"spec": spec, "detach": detach, "timeout_s": timeout_s})


@service("containers.operate", further=lambda _: Need("images.load", "the image"))
def commit(
    *,
    actor: Actor,
    container: Container,
    reference: str = "",
    author: str = "",
    message: str = "",
    changes: list[str] | None = None,
    pause: bool = True,
) -> Operation:
    """Make an image of its files. `changes` are lines of a Dockerfile (`CMD`, `ENV` …); it stands still unless told."""
    arguments = {
        "reference": reference,
        "author": author,
        "message": message,
        "changes": changes or [],
        "pause": pause,
    }
    return _request(actor, container, "commit", arguments)


@service("containers.files", action="containers.export", further=trust.to_enter)
def allow_export(*, actor: Actor, container: Container) -> None:
    """Allow its whole root to be read; that it was is in the audit log."""
    audit.record(actor=actor, action="containers.export", subject=container.subject)


@service("containers.files", action="containers.copy_out", further=trust.to_enter)
def allow_copy_out(*, actor: Actor, container: Container, path: str) -> None:
    """Allow what is under `path` to be read; that it was is in the audit log."""
    audit.record(actor=actor, action="containers.copy_out", subject=container.subject, after={"path": path})


@service("containers.files", action="containers.copy_in", further=trust.to_enter)
def allow_copy_in(*, actor: Actor, container: Container, path: str) -> Ticket:
    """Allow a tar to be uploaded that is unpacked into the container's folder `path`."""
    if not path.startswith("/"):
        raise Invalid(_("It must be an absolute path."), field="path")

    def arrived(ticket: Ticket, size_bytes: int) -> Operation:
        return copy_in(actor=actor, container=container, path=path, upload=ticket.id, size_bytes=size_bytes)

    return Ticket(actor, container.host, "containers.copy_in", container.name, arrived, container.subject)


@service("containers.files", further=trust.to_enter)
def copy_in(*, actor: Actor, container: Container, path: str, upload: str, size_bytes: int | None = None) -> Operation:
    """Unpack the tar that was uploaded under the id `upload` into the container's folder `path`."""
    told = {"path": path, "size_bytes": size_bytes}
    return _request(actor, container, "copy_in", {"path": path, "upload": upload}, told=told)


@service("containers.delete")
def remove(*, actor: Actor, container: Container, force: bool = False, with_volumes: bool = False) -> Operation:
    """Remove it with its writable layer and logs, and if asked its anonymous volumes.

    Conflicting if it runs and `force` is not set.
    """
    if container.is_running and not force:
        raise Conflicting(
            _("The container %(name)s is running.") % {"name": container.name},
            hint=_("Stop it first, or remove it by force."),
        )
    arguments = {"force": force, "with_volumes": with_volumes}
    return _request(actor, container, "remove", arguments, desired=Container.Desired.STOPPED)


@service("containers.delete")
def prune(*, actor: Actor, host: Host | None = None, filters: dict[str, Any] | None = None) -> Operation:
    """Remove every container of the host that does not run and that all `filters`, `engine.PruneFilters`, mean."""
    host = host or first_host()
    wanted = filters or {}
    asked.prune_filters(wanted)
    subject = Subject("host", host.name, host.name)
    audit.record(actor=actor, action="containers.prune", subject=subject, after=wanted)
    payload = {"filters": wanted, "asked_by": actor.name}
    return operations.request(actor=actor, kind="containers.prune", host=host.name, subject=subject, payload=payload)


def first_host() -> Host:
    """The host that is meant when none is named. Conflicting if there is none."""
    host = Host.objects.order_by("created_at").first()
    if host is None:
        raise Conflicting(_("There is no host yet."), hint=_("Start the host worker and try again."))
    return host


def image_of(container: Container) -> Image | None:
    """The image the container was made from, if its host still has it."""
    return Image.objects.filter(host=container.host_id, image_id=container.image_id).first()


def _insert(*, name: str, **columns: Any) -> Container:
    """Write the container down. Two who want the same name at once meet at the database's own constraint."""
    try:
        with transaction.atomic():
            return Container.objects.create(name=name, **columns)
    except IntegrityError:
        raise _taken(name) from None


def _taken(name: str) -> Conflicting:
    return Conflicting(
        _("The name %(name)s is taken by another container.") % {"name": name},
        hint=_("Choose another name or remove that container."),
        field="name",
    )


_ENDS = ("stop", "kill", "restart", "remove")  # the host keeps, with the end of a run, who asked for it


def _request(
    actor: Actor,
    container: Container,
    verb: str,
    arguments: dict[str, Any] | None = None,
    *,
    desired: Container.Desired | None = None,
    after: Any = None,
    told: dict[str, Any] | None = None,
    subject: Subject | None = None,
    further: Callable[[UUID], dict[str, Any]] | None = None,
) -> Operation:
    """Note what should be, write the audit row, ask the host.

    The row tells the verb's arguments, or `told`; `subject` is how the container is called there if not as it is now.
    `further` are arguments that are made from the operation's id.
    """
    before, subject = None, subject or container.subject
    if desired is not None:
        before, after = {"desired": container.desired, "status": container.status}, {"desired": desired.value}
        container.desired = desired
        container.save(update_fields=["desired"])
    if verb != "create":
        shown = told or arguments or {}
        after = {**(after or {}), **{key: value for key, value in shown.items() if value is not None}}
    audit.record(actor=actor, action=f"containers.{verb}", subject=subject, before=before, after=after)
    payload = {"id": container.id, **(arguments or {}), **({"asked_by": actor.name} if verb in _ENDS else {})}
    return operations.request(
        actor=actor,
        kind=f"containers.{verb}",
        host=container.host_id,
        subject=subject,
        payload=lambda operation: payload | (further(operation) if further else {}),
    )
