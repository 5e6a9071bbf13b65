"""What images the store holds: read without a lock from index, manifests and configurations."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import Conflict, DamagedStore, InvalidSpec, NotFound
from engine.images.archives.archived import read_config
from engine.images.documents import document
from engine.images.image import HistoryEntry, Image, ImageLayer, normalized_time
from engine.images.layers.chain import chain_ids
from engine.images.layout import Layout, descriptors_in
from engine.images.reference import Reference
from engine.spec.image import REF_NAME, REPOSITORY_DIGEST, Descriptor, Execution, Healthcheck, ImageConfig, Manifest
from engine.spec.life import HealthCheck

log = logging.getLogger(__name__)

_ID_PREFIX = "sha256:"
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class StoredImage:
    """A manifest of the store with its configuration; both never change, so this is kept in memory."""

    manifest: Manifest
    config: ImageConfig
    layers: tuple[ImageLayer, ...]

    @property
    def id(self) -> str:
        """Digest of the configuration."""
        return self.manifest.config.digest

    @property
    def blobs(self) -> set[str]:
        """Digests of everything the manifest points to."""
        return {self.id, *(layer.digest for layer in self.manifest.layers)}

    @property
    def chain_ids(self) -> set[str]:
        """Chain ids of its unpacked layers."""
        return {layer.chain_id for layer in self.layers}


class Catalog:
    """Reads the store."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._read: dict[str, StoredImage] = {}
        self._known: tuple[bytes, list[Image]] = (b"", [])

    def stored(self, manifest_digest: str) -> StoredImage:
        """The image of a manifest. Raises DamagedStore."""
        stored = self._read.get(manifest_digest) or self._read_stored(manifest_digest)
        self._read[manifest_digest] = stored
        return stored

    def intact(self, descriptor: Descriptor) -> StoredImage | None:
        """The image of an index entry, None where its files are gone."""
        try:
            return self.stored(descriptor.digest)
        except DamagedStore:
            return None

    def id_of(self, descriptor: Descriptor) -> str:
        """The id of the image of an index entry, empty where its files are gone."""
        stored = self.intact(descriptor)
        return stored.id if stored else ""

    def images(self) -> list[Image]:
        """Every image, newest first. One whose files are gone is left out, and the log tells."""
        while True:
            index = self._layout.index()
            known_index, images = self._known
            if index == known_index:
                return images
            descriptors = descriptors_in(index)
            damaged = [descriptor for descriptor in descriptors if self.intact(descriptor) is None]
            if damaged and index != self._layout.index():
                continue  # an image was removed while it was read
            for descriptor in damaged:
                log.error("image %s is damaged: load it again", reference_of(descriptor) or descriptor.digest)
            images = self._images([descriptor for descriptor in descriptors if descriptor not in damaged])
            self._forget_all_but({descriptor.digest for descriptor in descriptors})
            self._known = index, images
            return images

    def find(self, name: str) -> Image:
        """The image by reference, id or unique beginning of an id.

        Raises NotFound, Conflict for a beginning that several ids have, InvalidSpec for what is no name at all.
        """
        images = self.images()
        prefix = name.removeprefix(_ID_PREFIX)
        is_prefix = bool(prefix) and len(prefix) <= 64 and _HEX.issuperset(prefix)
        reference = _reference(name, is_prefix)
        if reference is not None and (named := _named(images, reference)) is not None:
            return named
        matching = [image for image in images if is_prefix and image.id.startswith(_ID_PREFIX + prefix)]
        if len(matching) > 1:
            raise Conflict(f"{len(matching)} images have ids that begin with {prefix}", hint="Give more of the id.")
        if not matching:
            raise NotFound(f"no image {name} on this host", hint="List the images, or pull or load this one first.")
        return matching[0]

    def _images(self, descriptors: Sequence[Descriptor]) -> list[Image]:
        references: dict[str, set[str]] = {}
        digests: dict[str, set[str]] = {}
        manifests: dict[str, str] = {}
        for descriptor in descriptors:
            image_id = self.stored(descriptor.digest).id
            name = reference_of(descriptor)
            digest = registry_digest_of(descriptor)
            references.setdefault(image_id, set()).update({name} if name else ())
            digests.setdefault(image_id, set()).update({digest} if digest else ())
            if name or image_id not in manifests:
                manifests[image_id] = descriptor.digest
        uses = Counter(chain_id for digest in manifests.values() for chain_id in self.stored(digest).chain_ids)
        images = [
            replace(
                _image(self.stored(digest), digest, tuple(sorted(references[image_id])), uses),
                digests=tuple(sorted(digests[image_id])),
            )
            for image_id, digest in manifests.items()
        ]
        return sorted(images, key=lambda image: image.created_at, reverse=True)

    def _forget_all_but(self, digests: set[str]) -> None:
        for digest in self._read.keys() - digests:
            self._read.pop(digest, None)  # another thread may have been here first

    def _read_stored(self, digest: str) -> StoredImage:
        try:
            manifest = document(Manifest, self._layout.blob(digest).read_bytes(), digest)
            config = read_config(self._layout.blob(manifest.config.digest).read_bytes(), manifest.config.digest)
            diff_ids = config.rootfs.diff_ids or ()
            layers = tuple(
                ImageLayer(diff_id, chain_id, int((self._layout.layer(chain_id) / "size").read_text()))
                for diff_id, chain_id in zip(diff_ids, chain_ids(diff_ids), strict=True)
            )
        except FileNotFoundError as error:
            raise DamagedStore(
                f"the image store lacks {Path(str(error.filename)).relative_to(self._layout.root)} of image {digest}",
                hint="Load the image again.",
            ) from error
        return StoredImage(manifest, config, layers)


def reference_of(descriptor: Descriptor) -> str:
    """The reference of an index entry, empty for a nameless image."""
    return (descriptor.annotations or {}).get(REF_NAME, "")


def registry_digest_of(descriptor: Descriptor) -> str:
    """What a registry has the image of an index entry as, empty for an entry that is about something else."""
    return (descriptor.annotations or {}).get(REPOSITORY_DIGEST, "")


def _reference(name: str, is_prefix: bool) -> Reference | None:
    try:
        return Reference.parse(name)
    except InvalidSpec:
        if is_prefix:
            return None
        raise


def _named(images: list[Image], reference: Reference) -> Image | None:
    named = next((image for image in images if str(reference) in image.references), None)
    if named is not None or not reference.digest:
        return named
    return next((image for image in images if _is_from(image, reference)), None)


def _is_from(image: Image, reference: Reference) -> bool:
    """Whether the repository that the reference names has, or had, the image under the reference's digest."""
    if f"{reference.repository}@{reference.digest}" in image.digests:
        return True
    if image.manifest_digest != reference.digest:
        return False
    return any(Reference.parse(text).repository == reference.repository for text in image.references + image.digests)


def _image(stored: StoredImage, manifest_digest: str, references: tuple[str, ...], uses: Mapping[str, int]) -> Image:
    """`uses` counts the images that have a layer, by its chain id."""
    config = stored.config
    execution = config.config or Execution()
    return Image(
        id=stored.id,
        references=references,
        created_at=normalized_time(config.created, stored.id),
        size_bytes=sum(layer.size_bytes for layer in stored.layers),
        shared_bytes=sum(layer.size_bytes for layer in stored.layers if uses[layer.chain_id] > 1),
        architecture=config.architecture,
        os=config.os,
        variant=config.variant or "",
        entrypoint=execution.entrypoint,
        command=execution.cmd,
        env=execution.env or (),
        working_dir=execution.working_dir or "",
        user=execution.user or "",
        exposed_ports=tuple(sorted(execution.exposed_ports or ())),
        volumes=tuple(sorted(execution.volumes or ())),
        labels=execution.labels or {},
        stop_signal=execution.stop_signal or "",
        health=_health(execution.healthcheck or Healthcheck(), stored.id),
        layers=stored.layers,
        manifest_digest=manifest_digest,
        history=tuple(
            HistoryEntry(
                normalized_time(entry.created, stored.id),
                entry.created_by or "",
                entry.comment or "",
                bool(entry.empty_layer),
            )
            for entry in config.history or ()
        ),
    )


def _health(said: Healthcheck, image: str) -> HealthCheck:
    """What it says, or nothing, with a line in the log, where that is no check: the image is of use without it."""
    times = [_seconds(value) for value in (said.interval, said.timeout, said.start_period, said.start_interval)]
    interval_s, timeout_s, start_period_s, start_interval_s = times
    check = HealthCheck(said.test or (), interval_s, timeout_s, said.retries or None, start_period_s, start_interval_s)
    try:
        check.validate()
    except InvalidSpec as error:
        log.warning("the health check of image %s is passed over: %s", image, error.message)
        return HealthCheck()
    return check


def _seconds(nanoseconds: int | None) -> float | None:
    return nanoseconds / 1e9 if nanoseconds else None
