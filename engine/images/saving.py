"""Saves images as an archive: finds them by name, and keeps what they are made of until the archive is read."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from engine.errors import InvalidSpec
from engine.images.archives.saver import SavedImage, docker_archive, oci_archive
from engine.images.catalog import Catalog
from engine.images.holding import HeldImage, holding
from engine.images.layout import Layout
from engine.images.reference import Reference
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
        held = stack.enter_context(holding(layout, catalog, names))
        images = _saved(zip(names, held, strict=True))
        return TarStream(FORMATS[form](layout, images), stack.pop_all())


def _saved(named: Iterable[tuple[str, HeldImage]]) -> list[SavedImage]:
    """Each image once, in the order in which they are named first, with all references given."""
    images: dict[str, HeldImage] = {}
    references: dict[str, list[Reference]] = {}
    for name, held in named:
        reference = held.image.reference_meant(name)
        images[held.manifest.digest] = held
        references.setdefault(held.manifest.digest, []).extend([reference] if reference else [])
    return [
        SavedImage(held.stored, held.manifest, tuple(dict.fromkeys(references[digest])))
        for digest, held in images.items()
    ]
