"""What a host does with images; the bytes of an archive were uploaded to it before."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from engine import Cancelled, NotFound
from panel.environment import Environment
from panel.operations import payload
from panel.operations.host import operation
from panel.operations.work import Outcome, Work


@operation("images.load", asks_itself=True)
def load(work: Work, upload: str) -> Outcome:
    """Load an uploaded image archive."""
    with _uploaded(work, upload) as archive:
        images = work.engine.load_image(archive, progress=work.progress, is_cancelled=work.is_cancelled)
    return _told(work, {"images": [image.to_json() for image in images]})


@operation("images.import_rootfs", asks_itself=True)
def import_rootfs(work: Work, upload: str, reference: str) -> Outcome:
    """Make an image of an uploaded root filesystem."""
    with _uploaded(work, upload) as tarball:
        image = work.engine.import_rootfs(
            tarball, reference=reference, progress=work.progress, is_cancelled=work.is_cancelled
        )
    return _told(work, {"images": [image.to_json()]})


@operation("images.remove")
def remove(work: Work, name: str, force: bool = False) -> Outcome:
    """Remove an image or one of its references."""
    return _told(work, work.engine.remove_image(name, force=force).to_json())


def _told(work: Work, result: dict[str, object]) -> Outcome:
    return Outcome(result=result, images=[image.to_json() for image in work.engine.images()])


@contextmanager
def _uploaded(work: Work, upload: str) -> Iterator[BinaryIO]:
    """The uploaded file, open for reading; gone afterwards, however it went."""
    payload.check_uuid("upload", upload)
    path = Environment.from_env().home / "images" / "incoming" / upload
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"the upload {upload} is not on this host", hint="Upload the file again.") from error
    with file:
        try:
            if work.is_cancelled():
                raise Cancelled("it was taken back before it began")
            yield file
        finally:
            path.unlink(missing_ok=True)
