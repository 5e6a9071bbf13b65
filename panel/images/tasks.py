"""What a host does with images; the bytes of an archive were uploaded to it before."""

from typing import Any

from engine import BootstrapSpec, ImagePruneFilters
from panel.images import update_checks
from panel.images.told import told
from panel.operations.host import operation
from panel.operations.work import Outcome, Work
from panel.registries.unsealing import opened as unsealed
from panel.uploads.incoming import opened


@operation("images.load", asks_itself=True)
def load(work: Work, upload: str) -> Outcome:
    """Load an uploaded image archive."""
    with opened(work, upload) as archive:
        images = work.engine.load_image(archive, progress=work.progress, is_cancelled=work.is_cancelled)
    return _told(work, {"images": [told(image) for image in images]})


@operation("images.import_rootfs", asks_itself=True)
def import_rootfs(work: Work, upload: str, reference: str) -> Outcome:
    """Make an image of an uploaded root filesystem."""
    with opened(work, upload) as tarball:
        image = work.engine.import_rootfs(
            tarball, reference=reference, progress=work.progress, is_cancelled=work.is_cancelled
        )
    return _told(work, {"images": [told(image)]})


@operation("images.bootstrap", asks_itself=True)
def bootstrap(work: Work, spec: dict[str, Any]) -> Outcome:
    """Make an image of a distribution's packages."""
    asked = BootstrapSpec.from_json(spec)
    image = work.engine.bootstrap(asked, progress=work.progress, is_cancelled=work.is_cancelled)
    return _told(work, {"images": [told(image)]})


@operation("images.remove")
def remove(work: Work, name: str, force: bool = False) -> Outcome:
    """Remove an image or one of its references."""
    return _told(work, work.engine.remove_image(name, force=force).to_json())


@operation("images.prune")
def prune(work: Work, filters: dict[str, Any]) -> Outcome:
    """Remove the images that no container uses and that are meant."""
    return _told(work, work.engine.prune_images(ImagePruneFilters.from_json(filters)).to_json())


@operation("images.pull", asks_itself=True)
def pull(work: Work, reference: str, platform: str, access: str) -> Outcome:
    """Bring an image here from its registry; `access` is sealed for this operation."""
    image = work.engine.pull(
        reference,
        access=unsealed(work, access),
        platform=platform,
        progress=work.progress,
        is_cancelled=work.is_cancelled,
    )
    return _told(work, {"images": [told(image)]})


@operation("images.push", asks_itself=True)
def push(work: Work, name: str, reference: str, access: str) -> Outcome:
    """Bring an image to a registry; `access` is sealed for this operation."""
    pushed = work.engine.push(
        name,
        reference=reference,
        access=unsealed(work, access),
        progress=work.progress,
        is_cancelled=work.is_cancelled,
    )
    return Outcome(result=pushed.to_json())


@operation("images.tag")
def tag(work: Work, name: str, reference: str) -> Outcome:
    """Give an image one more name."""
    return _told(work, {"images": [told(work.engine.tag_image(name, reference))]})


@operation("images.check_updates")
def check_updates(work: Work, checks: list[Any], accesses: dict[str, Any]) -> Outcome:
    """Ask registries whether tags have moved. See `panel.images.update_checks`."""
    return Outcome(result={"checks": update_checks.run(work, checks, accesses)})


def _told(work: Work, result: dict[str, object]) -> Outcome:
    return Outcome(result=result, images=[told(image) for image in work.engine.images()])
