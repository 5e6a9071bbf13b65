"""Keeps images in the store while somebody reads them, whoever removes them meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from engine.images.catalog import Catalog, StoredImage
from engine.images.image import Image
from engine.images.layout import Layout
from engine.images.staging import Staging
from engine.spec.image import Descriptor


@dataclass(frozen=True)
class HeldImage:
    """An image as it is told of, as it is stored, and the descriptor of its manifest."""

    image: Image
    stored: StoredImage
    manifest: Descriptor


@contextmanager
def holding(layout: Layout, catalog: Catalog, names: Sequence[str]) -> Iterator[list[HeldImage]]:
    """The images of these names; their blobs and layers stay until the end. Raises NotFound, Conflict, InvalidSpec."""
    with Staging(layout) as staging:
        with layout.locked(is_shared=True):  # nothing goes between being found and being leased
            manifests = {descriptor.digest: descriptor for descriptor in layout.descriptors()}
            images = [catalog.find(name) for name in names]
            held = [
                HeldImage(image, catalog.stored(image.manifest_digest), manifests[image.manifest_digest])
                for image in images
            ]
            for one in held:
                staging.lease([one.manifest.digest, *one.stored.blobs, *one.stored.chain_ids])
        yield held
