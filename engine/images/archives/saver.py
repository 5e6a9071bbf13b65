"""Makes image archives straight out of the blobs: what Docker loads, or an OCI layout in a tar (image-layout.md).

Docker's form holds plain layers, decompressed on their way out, under a manifest made for them. It is an OCI layout
with a `manifest.json` besides, as Docker itself writes since version 25, so that every version loads it. The OCI form
holds layers byte for byte, and manifests too unless they are Docker's: readers of OCI layouts pass over those, so they
are put in OCI's words. The same images give the same archive.
"""

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import DamagedStore
from engine.images.archives.docker import MANIFEST
from engine.images.archives.oci import INDEX
from engine.images.archives.packing import Member, packed
from engine.images.catalog import StoredImage
from engine.images.documents import digest_of
from engine.images.layers.plain import plain_size
from engine.images.layout import MARKER, Layout
from engine.images.reference import Reference
from engine.spec import codec
from engine.spec.image import (
    CONTAINERD_NAME,
    DOCKER_LAYER,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    REF_NAME,
    Descriptor,
    Index,
    Manifest,
)

Members = dict[str, Member]
_FOLDERS = ("blobs/", "blobs/sha256/")


@dataclass(frozen=True)
class SavedImage:
    """An image to be saved under these names, or without any; `manifest` is its descriptor in the store's index."""

    stored: StoredImage
    manifest: Descriptor
    references: tuple[Reference, ...]


def docker_archive(layout: Layout, images: Sequence[SavedImage]) -> Generator[bytes, None, None]:
    """What `docker load` takes, in pieces. Raises DamagedStore before the first one for what the store lacks.

    The caller keeps the blobs from being removed until the last piece.
    """
    members: Members = {}
    descriptors: list[Descriptor] = []
    listed = []
    for image in images:
        layers = _plain_layers(layout, image.stored)
        config = _stored(layout, image.stored.id)
        made = Manifest(Descriptor(OCI_CONFIG, image.stored.id, config.size), layers, media_type=OCI_MANIFEST)
        manifest = _document(codec.to_json(made, oci=True))
        descriptor = Descriptor(OCI_MANIFEST, digest_of(manifest.data), manifest.size)
        members |= {_member(image.stored.id): config, _member(descriptor.digest): manifest}
        for layer, kept in zip(layers, image.stored.manifest.layers, strict=True):
            blob = _stored(layout, kept.digest)
            members[_member(layer.digest)] = replace(blob, size=layer.size, is_plain=True)
        descriptors += _named(descriptor, image, lambda reference: reference.tag)
        listed.append(_listed(image, layers))
    return packed(_FOLDERS, _layout_files(descriptors) | {MANIFEST: _document(listed)} | members)


def oci_archive(layout: Layout, images: Sequence[SavedImage]) -> Generator[bytes, None, None]:
    """An OCI archive of the images as they are, in pieces; else as `docker_archive`."""
    members: Members = {}
    descriptors: list[Descriptor] = []
    for image in images:
        descriptor, manifest = _oci_manifest(layout, image)
        members[_member(descriptor.digest)] = manifest
        for digest in (image.stored.id, *(layer.digest for layer in image.stored.manifest.layers)):
            members[_member(digest)] = _stored(layout, digest)
        descriptors += _named(descriptor, image, str)
    return packed(_FOLDERS, _layout_files(descriptors) | members)


def _oci_manifest(layout: Layout, image: SavedImage) -> tuple[Descriptor, Member]:
    if image.manifest.media_type == OCI_MANIFEST:
        return image.manifest, _stored(layout, image.manifest.digest)
    kept = image.stored.manifest
    layers = tuple(replace(layer, media_type=_oci_layer_type(layer.media_type)) for layer in kept.layers)
    made = Manifest(replace(kept.config, media_type=OCI_CONFIG), layers, media_type=OCI_MANIFEST)
    manifest = _document(codec.to_json(made, oci=True))
    return Descriptor(OCI_MANIFEST, digest_of(manifest.data), manifest.size), manifest


def _oci_layer_type(media_type: str) -> str:
    """`….diff.tar.gzip` of Docker's is `….v1.tar+gzip` of OCI's."""
    base, found, compression = media_type.partition(DOCKER_LAYER)
    return media_type if base or not found else OCI_LAYER + compression.replace(".", "+")


def _plain_layers(layout: Layout, stored: StoredImage) -> tuple[Descriptor, ...]:
    return tuple(
        Descriptor(OCI_LAYER, layer.diff_id, plain_size(layout, layer.chain_id, kept.digest))
        for layer, kept in zip(stored.layers, stored.manifest.layers, strict=True)
    )


def _listed(image: SavedImage, layers: Sequence[Descriptor]) -> dict[str, Any]:
    """The image in `manifest.json`."""
    return {
        "Config": _member(image.stored.id),
        "RepoTags": [reference.familiar for reference in image.references] or None,
        "Layers": [_member(layer.digest) for layer in layers],
    }


def _named(descriptor: Descriptor, image: SavedImage, short: Callable[[Reference], str]) -> list[Descriptor]:
    """The descriptor once for each name. Some read one annotation, some the other; see `engine.spec.image`."""
    bare = replace(descriptor, annotations=None)
    return [
        replace(bare, annotations={CONTAINERD_NAME: str(reference), REF_NAME: short(reference)})
        for reference in image.references
    ] or [bare]


def _layout_files(descriptors: Sequence[Descriptor]) -> Members:
    index = codec.to_json(Index(tuple(descriptors), media_type=OCI_INDEX), oci=True)
    return {"oci-layout": Member(len(MARKER), MARKER), INDEX: _document(index)}


def _document(value: Any) -> Member:
    data = json.dumps(value).encode()
    return Member(len(data), data)


def _stored(layout: Layout, digest: str) -> Member:
    path = layout.blob(digest)
    try:
        return Member(path.stat().st_size, file=path)
    except FileNotFoundError:
        raise DamagedStore(f"the image store lacks blob {digest}", hint="Load the image again.") from None


def _member(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"
