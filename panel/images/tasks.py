"""What a host does with images; the bytes of an archive were uploaded to it before."""

from typing import Any

from engine import BootstrapSpec, ImagePruneFilters
from panel.operations.host import operation
from panel.operations.work import Outcome, Work
from panel.uploads.incoming import opened


@operation("images.load", asks_itself=True)
def load(work: Work, upload: str) -> Outcome:
    """Load an uploaded image archive."""
    with opened(work, upload) as archive:
        images = work.engine.load_image(archive, progress=work.progress, is_cancelled=work.is_cancelled)
    return _told(work, {"images": [image.to_json() for image in images]})


@operation("images.import_rootfs", asks_itself=True)
def import_rootfs(work: Work, upload: str, reference: str) -> Outcome:
    """Make an image of an uploaded root filesystem."""
    with opened(work, upload) as tarball:
        image = work.engine.import_rootfs(
            tarball, reference=reference, progress=work.progress, is_cancelled=work.is_cancelled
        )
    return _told(work, {"images": [image.to_json()]})


@operation("images.bootstrap", asks_itself=True)
def bootstrap(work: Work, spec: dict[str, Any]) -> Outcome:
    """Make an image of a distribution's packages."""
    asked = BootstrapSpec.from_json(spec)
    image = work.engine.bootstrap(asked, progress=work.progress, is_cancelled=work.is_cancelled)
    return _told(work, {"images": [image.to_json()]})


@operation("images.remove")
def remove(work: Work, name: str, force: bool = False) -> Outcome:
    """Remove an image or one of its references."""
    return _told(work, work.engine.remove_image(name, force=force).to_json())


@operation("images.prune")
def prune(work: Work, filters: dict[str, Any]) -> Outcome:
    """Remove the images that no container uses and that are meant."""
    return _told(work, work.engine.prune_images(ImagePruneFilters.from_json(filters)).to_json())


def _told(work: Work, result: dict[str, object]) -> Outcome:
    return Outcome(result=result, images=[image.to_json() for image in work.engine.images()])
