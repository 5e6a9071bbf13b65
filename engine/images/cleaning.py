"""Takes away what no image needs: blobs, layers, what a killed load or upload left behind."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from engine.images.catalog import Catalog, reference_of
from engine.images.downloads.claim import forget
from engine.images.layout import Layout
from engine.images.staging import abandoned, has_no_owner, leased
from engine.spec.image import Descriptor
from engine.sys.remove_tree import remove_tree

log = logging.getLogger(__name__)


def remove_unreferenced(layout: Layout, catalog: Catalog) -> int:
    """Remove blobs and layers that neither the index nor a load at work needs; returns the bytes that came free.

    Call it under the store's lock. Nothing goes while the index is lost or an image is damaged: what is left may be the
    root of a running container, and loading the image again mends it.
    """
    blobs, layers = _unreferenced(layout, catalog, layout.descriptors())
    return sum(map(_remove_blob, blobs)) + sum(_remove_layer(layout, path) for path in layers)


def bytes_freed(layout: Layout, catalog: Catalog, descriptors: Sequence[Descriptor]) -> int:
    """What `remove_unreferenced` would free if these were all that the index holds; under the lock, shared or not."""
    blobs, layers = _unreferenced(layout, catalog, descriptors)
    return sum(path.stat().st_size for path in blobs) + sum(map(_layer_size, layers))


def _unreferenced(layout: Layout, catalog: Catalog, descriptors: Sequence[Descriptor]) -> tuple[list[Path], list[Path]]:
    """Blobs, and folders of layers."""
    needed = leased(layout)
    if not layout.index():
        log.error("the index of the image store is lost; nothing is cleaned up")
        return [], []
    for descriptor in descriptors:
        stored = catalog.intact(descriptor)
        if stored is None:
            log.error("nothing is cleaned up while image %s is damaged", reference_of(descriptor) or descriptor.digest)
            return [], []
        digests = {descriptor.digest, *stored.blobs, *stored.chain_ids}
        needed |= {digest.removeprefix("sha256:") for digest in digests}
    blobs = [path for path in layout.blobs.iterdir() if path.name not in needed]
    return blobs, [path for path in layout.layers.iterdir() if path.name not in needed]


def remove_abandoned(layout: Layout) -> None:
    """Remove staging areas whose process is dead, and unfinished replacements of the index; under the lock."""
    for path in list(abandoned(layout)):
        remove_tree(path)
    for path in layout.root.glob(".index.json.*"):
        path.unlink()


def remove_stale_uploads(layout: Layout, older_than_s: float) -> None:
    """Remove uploads that nobody has written to for so long."""
    limit = time.time() - older_than_s
    for path in layout.incoming.iterdir():
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)


def remove_stale_downloads(layout: Layout, older_than_s: float) -> None:
    """Remove what pulls left for a next try that has not come for so long, and files without anything in them."""
    limit = time.time() - older_than_s
    for path in layout.downloads.iterdir():
        with suppress(FileNotFoundError):  # its pull has just finished
            found = path.stat()
            if found.st_mtime < limit or not found.st_size:
                forget(path)


def unused_downloads(layout: Layout, until: datetime | None) -> dict[Path, int]:
    """What pulls left that came to nothing, and its bytes: no pull works on it, or has written to it after `until`."""
    found = {}
    for path in layout.downloads.iterdir():
        with suppress(FileNotFoundError):
            stat = path.stat()
            is_old = until is None or stat.st_mtime < until.timestamp()
            if is_old and stat.st_nlink == 1 and has_no_owner(path):  # another name is that of a running pull's blob
                found[path] = stat.st_size
    return found


def _remove_blob(path: Path) -> int:
    size = path.stat().st_size
    path.unlink()
    return size


def _remove_layer(layout: Layout, path: Path) -> int:
    """A layer leaves its place at once, so that a kill during the removal leaves no half of one behind."""
    size = _layer_size(path)
    doomed = layout.staging / path.name
    remove_tree(doomed)  # from an earlier removal that was cut off
    path.rename(doomed)
    remove_tree(doomed)
    return size


def _layer_size(path: Path) -> int:
    told = path / "size"
    return int(told.read_text()) if told.exists() else 0  # a damaged layer tells nothing
