"""Reads the archives of `docker save`: a `manifest.json` that lists configurations, names and layers.

The form is described in the Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

import re
from dataclasses import dataclass, field, replace

from engine.errors import InvalidArchive, InvalidSpec
from engine.images.archives.archive import Archive
from engine.images.archives.archived import ArchivedImage, ArchivedLayer, check_runs_here, pair_layers, read_config
from engine.images.documents import check_match, digest_of, parse, printable
from engine.images.limits import MAXIMUM_IMAGES
from engine.images.reference import Reference
from engine.images.tar.streams import Compression, buffered, compression_of
from engine.spec import codec

MANIFEST = "manifest.json"
_CONFIG_NAME = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json)?")


@dataclass(frozen=True)
class SavedImage:
    """One item of `manifest.json`: names of members, and the references the image had."""

    config: str = field(metadata={"oci": "Config"})
    layers: tuple[str, ...] | None = field(default=None, metadata={"oci": "Layers"})
    repo_tags: tuple[str, ...] | None = field(default=None, metadata={"oci": "RepoTags"})

    @property
    def id(self) -> str:
        """The image's id if the configuration's name tells it, else empty."""
        match = _CONFIG_NAME.fullmatch(self.config)
        return f"sha256:{match[1]}" if match else ""

    @property
    def references(self) -> tuple[Reference, ...]:
        """The names, parsed. Raises InvalidArchive."""
        return tuple(parse_reference(tag) for tag in self.repo_tags or ())


def saved_images(archive: Archive) -> list[SavedImage]:
    """The items of `manifest.json`. Raises InvalidArchive."""
    items = parse(archive.read(MANIFEST), MANIFEST)
    if not isinstance(items, list) or not 0 < len(items) <= MAXIMUM_IMAGES:
        raise InvalidArchive(f"{MANIFEST}: must be a list of 1 to {MAXIMUM_IMAGES} images")
    try:
        return [codec.from_json(SavedImage, item, oci=True, where=f"[{n}]") for n, item in enumerate(items)]
    except InvalidSpec as error:
        raise InvalidArchive(f"{MANIFEST}: {printable(error.message)}") from None


def read_docker_archive(archive: Archive) -> list[ArchivedImage]:
    """The images of the archive; layers are not read yet. Raises InvalidArchive."""
    return [_image(archive, saved) for saved in saved_images(archive)]


def parse_reference(text: str) -> Reference:
    """A name out of an archive. Raises InvalidArchive."""
    try:
        return Reference.parse(text)
    except InvalidSpec as error:
        raise InvalidArchive(error.message, hint=error.hint) from None


def _image(archive: Archive, saved: SavedImage) -> ArchivedImage:
    what = f"image {saved.repo_tags[0][:100] if saved.repo_tags else saved.config[:19]!a}"
    data = archive.read(saved.config)
    if saved.id:
        check_match(what, saved.id, digest_of(data))
    config = read_config(data, what)
    check_runs_here(config, what)
    layers = pair_layers(what, tuple((name, "") for name in saved.layers or ()), config)
    return ArchivedImage(saved.references, data, tuple(_told(archive, layer) for layer in layers))


def _told(archive: Archive, layer: ArchivedLayer) -> ArchivedLayer:
    """A layer that is stored plain has its diff id as its digest; of a compressed one nothing is told."""
    compression = compression_of(buffered(archive.open(layer.member)), layer.member)
    return replace(layer, digest=layer.diff_id) if compression is Compression.NONE else layer
