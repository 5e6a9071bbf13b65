"""Whether a tag has moved at its registry since its image was pulled, loaded or built here. Nothing is pulled for it.

Usually one HEAD answers that, which registries do not count against their limits. Only where the digest is one that is
not known is more fetched: an index may still lead to the very manifest that is here, and another manifest, by another
compression, to the very image.
"""

from dataclasses import replace

from engine.images.documents import document
from engine.images.image import Image
from engine.images.pulling import choose
from engine.images.reference import Reference
from engine.images.registry import RegistryClient
from engine.spec.image import INDEX_TYPES, Manifest, Platform
from engine.spec.registry import UpdateCheck


def check_update(client: RegistryClient, reference: Reference, image: Image, known: UpdateCheck | None) -> UpdateCheck:
    """Compare the image that has the reference here with the registry's; `known` is what the last check found.

    Raises what the client raises.
    """
    named = replace(reference, digest="")
    head = client.head(named)
    is_known = head.digest == image.manifest_digest or f"{named.repository}@{head.digest}" in image.digests
    found = UpdateCheck(str(reference), image.id, head.digest, is_current=is_known)
    if found.is_current:
        return found
    if known is not None and (known.digest, known.image_id) == (found.digest, found.image_id):
        return replace(found, is_current=known.is_current)
    if head.media_type not in INDEX_TYPES:
        return replace(found, is_current=_is_same(client, named, image))
    index = client.manifest(named)
    is_listed = f'"{image.manifest_digest}"'.encode() in index.data
    return replace(found, is_current=is_listed or _is_same(client, named, image))


def _is_same(client: RegistryClient, reference: Reference, image: Image) -> bool:
    """Whether the registry's manifest for the image's platform has the same configuration, and so is the same image."""
    manifest, _ = choose(client, reference, Platform(image.architecture, image.os, image.variant))
    return document(Manifest, manifest.data, str(reference)).config.digest == image.id
