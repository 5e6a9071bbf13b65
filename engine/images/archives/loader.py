"""Brings all images of an archive into a staging area, or makes one of a root filesystem's tarball."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from engine.errors import InvalidArchive
from engine.images.archives import docker as docker_archive
from engine.images.archives import oci as oci_archive
from engine.images.archives.archive import Archive, open_archive
from engine.images.archives.archived import ArchivedImage
from engine.images.documents import digest_of
from engine.images.layers.chain import chain_ids
from engine.images.layers.loader import LayerLoader
from engine.images.limits import DiskSpace, Growth
from engine.images.platforms import host_platform
from engine.images.reference import Reference
from engine.images.reporter import Reporter
from engine.images.staging import Staging
from engine.images.tar.streams import reading
from engine.spec import codec
from engine.spec.image import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest


@dataclass(frozen=True)
class StagedImage:
    """An image whose content is staged: the descriptor of its manifest, its id, the names it shall have.

    `digests` are what registries have it as: `<repository>@<digest>`.
    """

    manifest: Descriptor
    id: str
    references: tuple[str, ...]
    digests: tuple[str, ...] = ()


def load_archive(source: BinaryIO, staging: Staging, space: DiskSpace, reporter: Reporter) -> list[StagedImage]:
    """Stage every image of a `docker save` or OCI archive. Raises InvalidArchive, StorageFull, Cancelled."""
    opening = reporter.plan("read archive", _size(source))
    with ExitStack() as stack:
        with reporter.step(opening):
            archive = stack.enter_context(
                open_archive(source, staging.root, space, on_read=lambda count: reporter.advance(opening, count))
            )
            images = read_images(archive)
        layers = LayerLoader(staging, space, reporter, Growth(archive.stored_bytes))
        steps = [[_plan(reporter, archive, image, number) for number in range(len(image.layers))] for image in images]
        return [_load(archive, layers, image, numbers) for image, numbers in zip(images, steps, strict=True)]


def read_images(archive: Archive) -> list[ArchivedImage]:
    """What the archive holds for this host. Raises InvalidArchive."""
    if oci_archive.INDEX in archive:
        return oci_archive.read_oci_archive(archive)
    if docker_archive.MANIFEST in archive:
        return docker_archive.read_docker_archive(archive)
    raise InvalidArchive(
        f"the archive holds neither {docker_archive.MANIFEST} nor {oci_archive.INDEX}, so it is no image archive",
        hint="Load what `docker save` or an OCI tool wrote; import a root filesystem's tarball instead.",
    )


def load_root(
    source: BinaryIO,
    reference: Reference,
    settings: Mapping[str, Any],
    staging: Staging,
    space: DiskSpace,
    reporter: Reporter,
) -> StagedImage:
    """Stage an image of one layer, a root filesystem's tarball; `settings` are its configuration's `config`.

    Raises InvalidArchive, StorageFull, Cancelled.
    """
    step = reporter.plan("unpack root filesystem", _size(source))
    with reporter.step(step), reading("the tarball"):
        layer, diff_id = LayerLoader(staging, space, reporter).load_new(source, step=step)
    config = _config_of_root(diff_id, settings)
    return StagedImage(add_manifest(staging, config, [layer]), digest_of(config), (str(reference),))


def _size(source: BinaryIO) -> int:
    """Bytes still to be read, 0 where nobody knows."""
    if not source.seekable():
        return 0
    start = source.tell()
    size = source.seek(0, os.SEEK_END) - start
    source.seek(start)
    return size


def _plan(reporter: Reporter, archive: Archive, image: ArchivedImage, number: int) -> int:
    layer = image.layers[number]
    name = f"layer {number + 1} of {len(image.layers)} ({layer.diff_id[7:19]})"
    return reporter.plan(name, archive.size(layer.member))


def _load(archive: Archive, layers: LayerLoader, image: ArchivedImage, steps: Sequence[int]) -> StagedImage:
    descriptors = []
    chain = chain_ids(layer.diff_id for layer in image.layers)
    for number, (layer, step) in enumerate(zip(image.layers, steps, strict=True), 1):
        what = f"layer {number} of {len(steps)} ({layer.diff_id[:19]}…)"
        with layers.reporter.step(step), reading(what):
            descriptors.append(layers.load(archive.open(layer.member), layer, chain=chain[:number], step=step))
    references = tuple(str(reference.without_digest()) for reference in image.references)
    if not image.manifest:
        return StagedImage(add_manifest(layers.staging, image.config, descriptors), image.id, references)
    layers.staging.add_blob(image.id, image.config)
    digest = digest_of(image.manifest)
    layers.staging.add_blob(digest, image.manifest)
    return StagedImage(Descriptor(image.manifest_type, digest, len(image.manifest)), image.id, references)


def add_manifest(staging: Staging, config: bytes, layers: Sequence[Descriptor]) -> Descriptor:
    """Stage the configuration, and a manifest made of what is known; returns the manifest's descriptor."""
    config_descriptor = Descriptor(OCI_CONFIG, digest_of(config), len(config))
    staging.add_blob(config_descriptor.digest, config)
    manifest = Manifest(config_descriptor, tuple(layers), media_type=OCI_MANIFEST)
    data = json.dumps(codec.to_json(manifest, oci=True)).encode()
    staging.add_blob(digest_of(data), data)
    return Descriptor(OCI_MANIFEST, digest_of(data), len(data))


def _config_of_root(diff_id: str, settings: Mapping[str, Any]) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    platform = host_platform()
    config = {
        "architecture": platform.architecture,
        "os": platform.os,
        "created": now,
        "config": dict(settings),
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": now, "comment": "imported root filesystem"}],
    }
    return json.dumps(config).encode()
