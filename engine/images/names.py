"""Changes of the index as pure functions: an image is in it once for each name, or once without a name."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.images.catalog import reference_of
from engine.spec.image import REF_NAME, Descriptor

Descriptors = tuple[Descriptor, ...]


def named(descriptors: Descriptors, manifest: Descriptor, references: Iterable[str]) -> Descriptors:
    """The manifest has these names now; an image that had one of them before keeps its others, or none."""
    references = tuple(dict.fromkeys(references))
    bare = replace(manifest, annotations=None)
    kept = unnamed(descriptors, references)
    if not references:
        is_known = any(descriptor.digest == manifest.digest for descriptor in kept)
        return kept if is_known else (*kept, bare)
    others = tuple(d for d in kept if d.digest != manifest.digest or reference_of(d))
    return (*others, *(replace(manifest, annotations={REF_NAME: reference}) for reference in references))


def unnamed(descriptors: Descriptors, references: Iterable[str]) -> Descriptors:
    """Nobody has these names any more; an image whose last name goes stays, nameless."""
    taken = set(references)
    kept = [d for d in descriptors if reference_of(d) not in taken]
    for descriptor in descriptors:
        if all(other.digest != descriptor.digest for other in kept):
            kept.append(replace(descriptor, annotations=None))
    return tuple(kept)


def without(descriptors: Descriptors, is_dropped: Callable[[Descriptor], bool]) -> Descriptors:
    """The index without some of its entries."""
    return tuple(descriptor for descriptor in descriptors if not is_dropped(descriptor))
