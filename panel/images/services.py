"""What may be asked of images: load an archive, import a root filesystem, remove."""

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.subject import Subject
from panel.door import service
from panel.hosts.models import Host
from panel.images.models import Image
from panel.operations import services as operations
from panel.operations.models import Operation


@service("images.load")
def load(*, actor: Actor, host: Host, upload: str, size_bytes: int | None = None, file_name: str = "") -> Operation:
    """Load the image archive that was uploaded to `host` under the id `upload`."""
    subject = Subject("image", upload, file_name or "archive")
    audit.record(actor=actor, action="images.load", subject=subject, after={"size_bytes": size_bytes})
    return operations.request(actor=actor, kind="images.load", host=host, subject=subject, payload={"upload": upload})


@service("images.load")
def import_rootfs(*, actor: Actor, host: Host, upload: str, reference: str, size_bytes: int | None = None) -> Operation:
    """Make an image of one layer named `reference` from the root filesystem tarball uploaded under `upload`."""
    subject = Subject("image", upload, reference)
    audit.record(actor=actor, action="images.import", subject=subject, after={"size_bytes": size_bytes})
    return operations.request(
        actor=actor,
        kind="images.import_rootfs",
        host=host,
        subject=subject,
        payload={"upload": upload, "reference": reference},
    )


@service("images.delete")
def remove(*, actor: Actor, image: Image, name: str = "", force: bool = False) -> Operation:
    """Remove the image, or only its reference `name`; the host refuses one that a container uses, unless forced."""
    audit.record(
        actor=actor,
        action="images.remove",
        subject=image.subject,
        before={"references": image.references},
        after={"name": name, "force": force},
    )
    return operations.request(
        actor=actor,
        kind="images.remove",
        host=image.host,
        subject=image.subject,
        payload={"name": name or image.image_id, "force": force},
    )
