"""Saves images as an archive: finds them by name, and keeps what they are made of until the archive is read."""

from collections.abc import Sequence
from contextlib import ExitStack

from engine.errors import InvalidSpec
from engine.images.archives.saver import SavedImage, docker_archive, oci_archive
from engine.images.catalog import Catalog
from engine.images.layout import Layout
from engine.images.reference import Reference
from engine.images.staging import Staging
from engine.images.tar.stream_out import TarStream

FORMATS = {"docker": docker_archive, "oci": oci_archive}


def save(layout: Layout, catalog: Catalog, names: Sequence[str], form: str) -> TarStream:
    """The images as one archive. Raises NotFound, Conflict, InvalidSpec, DamagedStore.

    An image carries the references it is named by here, and none where it is named by its id.
    """
    if form not in FORMATS:
        raise InvalidSpec("format", f"{form[:40]!a} is not one of {', '.join(FORMATS)}")
    if not names:
        raise InvalidSpec("names", "must name at least one image")
    with ExitStack() as stack:
        staging = stack.enter_context(Staging(layout))
        with layout.locked(is_shared=True):  # nothing goes between being found and being leased
            images = _chosen(layout, catalog, names)
            for image in images:
                staging.lease([image.manifest.digest, *image.stored.blobs, *image.stored.chain_ids])
        return TarStream(FORMATS[form](layout, images), stack.pop_all())


def _chosen(layout: Layout, catalog: Catalog, names: Sequence[str]) -> list[SavedImage]:
    """Each image once, in the order in which they are named first, with all references given."""
    references: dict[str, list[Reference]] = {}
    for name in names:
        image = catalog.find(name)
        reference = image.reference_meant(name)
        references.setdefault(image.manifest_digest, []).extend([reference] if reference else [])
    manifests = {descriptor.digest: descriptor for descriptor in layout.descriptors()}
    return [
        SavedImage(catalog.stored(digest), manifests[digest], tuple(dict.fromkeys(named)))
        for digest, named in references.items()
    ]
