"""What an archive says it holds, whichever of the two forms it has: images with names, configuration and layers."""

from dataclasses import dataclass

from engine.errors import InvalidArchive
from engine.images.documents import check_digest, digest_of, document
from engine.images.image import normalized_time
from engine.images.limits import MAXIMUM_LAYERS
from engine.images.platforms import host_platform, rank
from engine.images.reference import Reference
from engine.spec.image import Execution, ImageConfig


@dataclass(frozen=True)
class ArchivedLayer:
    """A layer in the archive: the member's name, its digest as stored (empty if not told), its digest uncompressed."""

    member: str
    digest: str
    diff_id: str


@dataclass(frozen=True)
class ArchivedImage:
    """An image in the archive; `manifest` is empty where the archive has none of its own."""

    references: tuple[Reference, ...]
    config: bytes
    layers: tuple[ArchivedLayer, ...]
    manifest: bytes = b""
    manifest_type: str = ""

    @property
    def id(self) -> str:
        """Digest of the configuration."""
        return digest_of(self.config)


def read_config(data: bytes, what: str) -> ImageConfig:
    """An image configuration, checked as far as Moorage uses it. Raises InvalidArchive."""
    config = document(ImageConfig, data, what)
    if config.rootfs.type != "layers":
        raise InvalidArchive(f"{what}: rootfs.type must be 'layers'")
    diff_ids = config.rootfs.diff_ids or ()
    for number, diff_id in enumerate(diff_ids):
        check_digest(f"{what}: rootfs.diff_ids[{number}]", diff_id)
    if not diff_ids:
        raise InvalidArchive(f"{what}: the image has no layers", hint="A container cannot run without files.")
    if len(diff_ids) > MAXIMUM_LAYERS:
        raise InvalidArchive(f"{what}: {len(diff_ids)} layers; {MAXIMUM_LAYERS} is the most that overlayfs takes")
    execution = config.config or Execution()
    for names in (execution.labels, execution.exposed_ports, execution.volumes):
        if any("\0" in name for name in names or ()):
            raise InvalidArchive(f"{what}: config: a name holds a NUL byte")
    for time in (config.created, *(entry.created for entry in config.history or ())):
        normalized_time(time, what)
    return config


def check_runs_here(config: ImageConfig, what: str) -> None:
    """Raises InvalidArchive for an image of another architecture or system."""
    if rank(config.platform) is None:
        raise wrong_platform(what, str(config.platform))


def wrong_platform(what: str, found: str) -> InvalidArchive:
    """The error for an archive without anything for this host."""
    return InvalidArchive(
        f"{what}: made for {found[:300]!a}, this host is {host_platform()}",
        hint=f"Save the image again with --platform {host_platform()}.",
    )


def pair_layers(what: str, layers: tuple[tuple[str, str], ...], config: ImageConfig) -> tuple[ArchivedLayer, ...]:
    """Join (member, digest) pairs with the configuration's diff ids."""
    diff_ids = config.rootfs.diff_ids or ()
    if len(layers) != len(diff_ids):
        raise InvalidArchive(f"{what}: {len(layers)} layers, but its configuration tells of {len(diff_ids)}")
    return tuple(ArchivedLayer(*layer, diff_id) for layer, diff_id in zip(layers, diff_ids, strict=True))
