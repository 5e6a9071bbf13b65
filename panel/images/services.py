"""What may be asked of images: load an archive, import a root filesystem, save, remove, prune, pull, push, tag.

Loading takes two steps. Somebody is allowed to upload and gets a ticket; when all bytes are on the host, the ticket
becomes an operation.
"""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from engine import BootstrapSpec, ImagePruneFilters, Reference, parse_platform
from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.subject import Subject
from panel.door import service
from panel.errors import Invalid, in_callers_terms
from panel.hosts.choice import host_named
from panel.hosts.models import Host
from panel.images import updates
from panel.images.models import Image
from panel.operations import services as operations
from panel.operations.models import Operation
from panel.registries.access import Way, check_usable, way_for
from panel.registries.models import Credential
from panel.registries.names import reference as reference_meant
from panel.uploads.tickets import Ticket

ARCHIVE_FORMATS = ("docker", "oci")


@service("images.load", action="images.load")
def allow_load(*, actor: Actor, host: str = "", file_name: str = "") -> Ticket:
    """Allow an image archive to be uploaded to the host of that name, or to the first one."""
    return Ticket(actor, host_named(host), "images.load", file_name or _("archive"), arrived=_load_arrived)


@service("images.load", action="images.import")
def allow_import(*, actor: Actor, reference: str, host: str = "") -> Ticket:
    """Allow a root filesystem to be uploaded that becomes the image `reference`."""
    if not reference.strip():
        raise Invalid(_("The image needs a name."), hint=_("Such as debian:12."), field="reference")
    return Ticket(actor, host_named(host), "images.import", reference.strip(), arrived=_import_arrived)


@service("images.load")
def bootstrap(*, actor: Actor, asked: dict[str, Any], host: str = "") -> Operation:
    """Make an image of a distribution's packages, `engine.BootstrapSpec` as JSON, on the host of that name."""
    with in_callers_terms():
        spec = BootstrapSpec.from_json(asked)
        reference = str(Reference.parse(spec.reference))
    payload = {"spec": spec.to_json()}
    subject = Subject("image", reference, spec.reference)
    audit.record(actor=actor, action="images.bootstrap", subject=subject, after=payload["spec"])
    return operations.request(
        actor=actor, kind="images.bootstrap", host=host_named(host).name, subject=subject, payload=payload
    )


@service("images.load")
def load(*, actor: Actor, host: Host, upload: str, size_bytes: int | None = None, file_name: str = "") -> Operation:
    """Load the image archive that was uploaded to `host` under the id `upload`."""
    subject = Subject("image", upload, file_name or _("archive"))
    audit.record(actor=actor, action="images.load", subject=subject, after={"size_bytes": size_bytes})
    return operations.request(
        actor=actor, kind="images.load", host=host.name, subject=subject, payload={"upload": upload}
    )


@service("images.load")
def import_rootfs(*, actor: Actor, host: Host, upload: str, reference: str, size_bytes: int | None = None) -> Operation:
    """Make an image of one layer named `reference` from the root filesystem uploaded under `upload`."""
    subject = Subject("image", upload, reference)
    audit.record(actor=actor, action="images.import", subject=subject, after={"size_bytes": size_bytes})
    payload = {"upload": upload, "reference": reference}
    return operations.request(
        actor=actor, kind="images.import_rootfs", host=host.name, subject=subject, payload=payload
    )


@service("images.delete")
def remove(*, actor: Actor, image: Image, name: str = "", force: bool = False) -> Operation:
    """Remove the image, or only its reference `name`; the host refuses one that a container uses."""
    if name and name not in image.references:
        raise Invalid(_("The image has no reference %(name)s.") % {"name": name}, field="reference")
    audit.record(
        actor=actor,
        action="images.remove",
        subject=image.subject,
        before={"references": image.references},
        after={"name": name, "force": force},
    )
    payload = {"name": name or image.image_id, "force": force}
    return operations.request(
        actor=actor, kind="images.remove", host=image.host_id, subject=image.subject, payload=payload
    )


@service("images.delete")
def prune(*, actor: Actor, host: Host, filters: dict[str, Any]) -> Operation:
    """Remove the host's images that no container uses and that `filters`, `engine.ImagePruneFilters`, mean."""
    prune_filters(filters)
    subject = Subject("host", host.name, host.name)
    audit.record(actor=actor, action="images.prune", subject=subject, after=filters)
    return operations.request(
        actor=actor, kind="images.prune", host=host.name, subject=subject, payload={"filters": filters}
    )


@service("images.save", action="images.save")
def allow_save(*, actor: Actor, images: Sequence[Image], form: str) -> None:
    """Allow the images of one host to be read as an archive; that each was is in the audit log."""
    if form not in ARCHIVE_FORMATS:
        raise Invalid(_("It is one of %(names)s.") % {"names": ", ".join(ARCHIVE_FORMATS)}, field="format")
    if not images:
        raise Invalid(_("Name at least one image."), field="id")
    if len({image.host_id for image in images}) > 1:
        raise Invalid(_("The images are on several hosts."), hint=_("Ask for those of one."), field="id")
    for image in images:
        audit.record(actor=actor, action="images.save", subject=image.subject, after={"format": form})


@service("images.pull")
def pull(
    *, actor: Actor, reference: str, platform: str = "", credential: Credential | None = None, host: str = ""
) -> Operation:
    """Bring an image to the host of that name; without `credential` with the closest that the actor may use.

    Who asks for what is under way already gets that operation, if it reaches the registry by the same way: nobody is
    refused with another's password, or given an image by it. Raises Invalid naming the field.
    """
    wanted, on = reference_meant(reference), host_named(host)
    with in_callers_terms():
        parse_platform(platform)
    subject = Subject("image", str(wanted)[:200], str(wanted))
    way = _way(actor, wanted, credential)
    joined = _pull_under_way(on, str(wanted), platform, way)
    if joined is not None:
        told = {"platform": platform, "joins": str(joined.pk)}
        audit.record(actor=actor, action="images.pull", subject=subject, after=told)
        return joined
    told = {"platform": platform, "signs_in": way.signs_in}
    audit.record(actor=actor, action="images.pull", subject=subject, after=told)
    return operations.request(
        actor=actor,
        kind="images.pull",
        host=on.name,
        subject=subject,
        shared_by=way.fingerprint,
        payload=lambda operation: {
            "reference": str(wanted),
            "platform": platform,
            "access": way.sealed(on, operation),
        },
    )


@service("images.push")
def push(*, actor: Actor, image: Image, reference: str = "", credential: Credential | None = None) -> Operation:
    """Bring it to the registry of `reference`, or of its own only name. Raises Invalid naming the field."""
    if not reference and len(image.references) != 1:
        raise Invalid(_("Say under which name it is to be pushed."), field="reference")
    target = reference_meant(reference or image.references[0])
    if target.digest:
        raise Invalid(_("An image is pushed by tag, not by digest."), field="reference")
    way, host = _way(actor, target, credential), image.host
    told = {"reference": str(target), "signs_in": way.signs_in}
    audit.record(actor=actor, action="images.push", subject=image.subject, after=told)
    return operations.request(
        actor=actor,
        kind="images.push",
        host=host.name,
        subject=Subject("image", image.image_id, str(target)),
        payload=lambda operation: {
            "name": image.image_id,
            "reference": str(target),
            "access": way.sealed(host, operation),
        },
    )


@service("images.tag")
def tag(*, actor: Actor, image: Image, reference: str) -> Operation:
    """Give it one more name; another image of the host that has it loses it. Raises Invalid."""
    name = reference_meant(reference)
    if name.digest:
        raise Invalid(_("A name of one's own has a tag, not a digest."), field="reference")
    audit.record(actor=actor, action="images.tag", subject=image.subject, after={"reference": str(name)})
    payload = {"name": image.image_id, "reference": str(name)}
    return operations.request(
        actor=actor, kind="images.tag", host=image.host_id, subject=image.subject, payload=payload
    )


@service("images.pull")
def check_updates(*, actor: Actor, image: Image) -> Operation:
    """Ask the registries of its names now whether these have moved; from then on that is asked by the clock."""
    if not image.references:
        raise Invalid(_("It has no name that could have moved."))
    audit.record(actor=actor, action="images.check_updates", subject=image.subject)
    tags = updates.tracked(image)
    return updates.request(actor=actor, host=image.host, tags=tags, subject=image.subject)


def _way(actor: Actor, reference: Reference, credential: Credential | None) -> Way:
    if credential is not None:
        check_usable(actor, credential)
    return way_for(actor, reference.domain, credential)


def _pull_under_way(host: Host, reference: str, platform: str, way: Way) -> Operation | None:
    """The pull of the very same that nobody has asked to stop. Who asks for it at the same time waits here."""
    Host.objects.select_for_update().get(pk=host.pk)
    same = {"payload__reference": reference, "payload__platform": platform}
    open_ones = Operation.objects.open().filter(kind="images.pull", host=host, cancel_requested_at=None)
    return open_ones.filter(**same, shared_by=way.fingerprint).first()


def prune_filters(asked: dict[str, Any]) -> ImagePruneFilters:
    """Which images are meant. Raises Invalid naming the filter that cannot be read."""
    with in_callers_terms():
        filters = ImagePruneFilters.from_json(asked)
        filters.moment()
    return filters


def _load_arrived(ticket: Ticket, size_bytes: int) -> Operation:
    return load(actor=ticket.actor, host=ticket.host, upload=ticket.id, size_bytes=size_bytes, file_name=ticket.name)


def _import_arrived(ticket: Ticket, size_bytes: int) -> Operation:
    return import_rootfs(
        actor=ticket.actor, host=ticket.host, upload=ticket.id, size_bytes=size_bytes, reference=ticket.name
    )
