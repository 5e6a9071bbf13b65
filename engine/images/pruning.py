"""Removes the images that nobody needs, or tells beforehand which those are and what comes free."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from engine.images import cleaning, names
from engine.images.catalog import Catalog
from engine.images.downloads.claim import forget
from engine.images.image import Image
from engine.images.layout import Layout
from engine.spec.pruning import ImagePruneFilters, PrunedImage, PrunedImages

Users = Callable[[], Mapping[str, Sequence[str]]]
"""Tells the names of the containers that use an image, by the image's id."""


def prune(layout: Layout, catalog: Catalog, filters: ImagePruneFilters, users: Users, *, dry_run: bool) -> PrunedImages:
    """Remove every image that is meant, with all its names; one that a container uses never is.

    With them go the downloads of pulls that came to nothing, unless only images with certain labels are meant. `users`
    is asked while no new user can come. Raises InvalidSpec for a filter that cannot be read.
    """
    until = filters.moment()
    with layout.locked(is_shared=dry_run):
        used = users()
        images = [image for image in catalog.images() if image.id not in used and _is_meant(image, filters, until)]
        ids = {image.id for image in images}
        downloads = {} if filters.labels else cleaning.unused_downloads(layout, until)
        kept = names.without(layout.descriptors(), lambda descriptor: catalog.id_of(descriptor) in ids)
        if dry_run:
            freed = cleaning.bytes_freed(layout, catalog, kept)
        else:
            layout.replace_descriptors(kept)
            freed = cleaning.remove_unreferenced(layout, catalog)
            for path in downloads:
                forget(path)
    downloads_bytes = sum(downloads.values())
    told = (PrunedImage(image.id, image.references, image.created_at, image.size_bytes) for image in images)
    return PrunedImages(tuple(told), freed + downloads_bytes, downloads_bytes)


def _is_meant(image: Image, filters: ImagePruneFilters, until: datetime | None) -> bool:
    if filters.dangling and image.references:
        return False
    if until is not None and image.created_at and datetime.fromisoformat(image.created_at) >= until:
        return False
    return filters.fit(image.labels)
