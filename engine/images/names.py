"""Changes of the index as pure functions: an image is in it once for each name, or once without a name.

Besides, it is in it once for each digest that a registry is known to have it as; these entries keep no image.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.images.catalog import reference_of, registry_digest_of
from engine.images.reference import Reference
from engine.spec.image import REF_NAME, REPOSITORY_DIGEST, Descriptor

Descriptors = tuple[Descriptor, ...]


def named(descriptors: Descriptors, manifest: Descriptor, references: Iterable[str]) -> Descriptors:
    """The manifest has these names now; an image that had one of them before keeps its others, or none."""
    references = tuple(dict.fromkeys(references))
    bare = replace(manifest, annotations=None)
    kept = unnamed(descriptors, references)
    if not references:
        is_known = any(d.digest == manifest.digest and not registry_digest_of(d) for d in kept)
        return kept if is_known else (*kept, bare)
    others = tuple(d for d in kept if d.digest != manifest.digest or reference_of(d) or registry_digest_of(d))
    return (*others, *(replace(manifest, annotations={REF_NAME: reference}) for reference in references))


def unnamed(descriptors: Descriptors, references: Iterable[str]) -> Descriptors:
    """Nobody has these names any more; an image whose last name goes stays, nameless."""
    taken = set(references)
    kept = [d for d in descriptors if reference_of(d) not in taken]
    for descriptor in descriptors:
        if all(other.digest != descriptor.digest or registry_digest_of(other) for other in kept):
            kept.append(replace(descriptor, annotations=None))
    return tuple(kept)


def remembered(descriptors: Descriptors, manifest: Descriptor, digests: Iterable[str]) -> Descriptors:
    """Registries have the manifest's image as these `<repository>@<digest>`; nothing where it is not in the index."""
    if all(descriptor.digest != manifest.digest for descriptor in descriptors):
        return descriptors
    digests = tuple(dict.fromkeys(digests))
    others = without(descriptors, lambda descriptor: registry_digest_of(descriptor) in digests)
    return (*others, *(replace(manifest, annotations={REPOSITORY_DIGEST: digest}) for digest in digests))


def untagged(descriptors: Descriptors, references: Iterable[str]) -> Descriptors:
    """The same as `unnamed`, by somebody's wish: with an image's last name in a repository go its digests there."""
    references = tuple(references)
    left = unnamed(descriptors, references)
    lost = {(d.digest, _repository(reference_of(d))) for d in descriptors if reference_of(d) in references}
    lost -= {(d.digest, _repository(reference_of(d))) for d in left if reference_of(d)}
    return without(left, lambda d: (d.digest, registry_digest_of(d).partition("@")[0]) in lost)


def _repository(reference: str) -> str:
    return Reference.parse(reference).repository


def without(descriptors: Descriptors, is_dropped: Callable[[Descriptor], bool]) -> Descriptors:
    """The index without some of its entries."""
    return tuple(descriptor for descriptor in descriptors if not is_dropped(descriptor))
