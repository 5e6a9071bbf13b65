"""The documents of the OCI image specification (v1.1): index, manifest, configuration, and descriptors joining them.

Only what Moorage reads is modelled; unknown keys are passed over, as the specification asks of readers. Docker's
schema 2 documents have the same shape under other media types.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import InvalidSpec

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
CONFIG_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG})
LAYER_TYPES = frozenset(
    base + suffix
    for base in (OCI_LAYER, "application/vnd.oci.image.layer.nondistributable.v1.tar", DOCKER_LAYER)
    for suffix in ("", "+gzip", "+zstd", ".gzip", ".zstd")
)

REF_NAME = "org.opencontainers.image.ref.name"
"""Annotation that names a descriptor of an index."""
CONTAINERD_NAME = "io.containerd.image.name"
"""Annotation in which Docker and BuildKit write the full reference, where `REF_NAME` holds only the tag."""


REPOSITORY_DIGEST = "moorage.repository.digest"
"""Annotation of Moorage's own index alone: the entry's image is this `<repository>@<digest>` at its registry."""


@dataclass(frozen=True)
class Platform:
    """What a manifest runs on, in Go's words: `linux`, `amd64`, `v8` …"""

    architecture: str = ""
    os: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part) or "unknown"


def parse_platform(text: str) -> Platform | None:
    """`linux/arm64/v8` as its parts; None for empty text. Raises InvalidSpec."""
    if not text:
        return None
    parts = text.split("/")
    if not 2 <= len(parts) <= 3 or not all(part.isalnum() and part.isascii() for part in parts):
        raise InvalidSpec("platform", f"{text[:60]!r} is not a platform", hint="Write it like linux/arm64/v8.")
    return Platform(parts[1], parts[0], *parts[2:])


@dataclass(frozen=True)
class Descriptor:
    """A typed pointer to a blob: `digest` is `sha256:<64 hex>`, `size` its bytes (descriptor.md)."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] | None = None
    platform: Platform | None = None
    urls: tuple[str, ...] | None = None
    """Where else the blob is, for layers that their maker gives out and registries do not keep."""


@dataclass(frozen=True)
class Index:
    """A list of manifests, or of further indexes (image-index.md)."""

    manifests: tuple[Descriptor, ...]
    schema_version: int = 2
    media_type: str = ""


@dataclass(frozen=True)
class Manifest:
    """One image for one platform: its configuration and its layers, lowest first (manifest.md)."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    schema_version: int = 2
    media_type: str = ""


def _named(key: str) -> Any:
    return field(default=None, metadata={"oci": key})


@dataclass(frozen=True)
class Healthcheck:
    """Docker's addition to `config`: times are nanoseconds, 0 or absent is what the runtime thinks best."""

    test: tuple[str, ...] | None = _named("Test")
    interval: int | None = _named("Interval")
    timeout: int | None = _named("Timeout")
    start_period: int | None = _named("StartPeriod")
    start_interval: int | None = _named("StartInterval")
    retries: int | None = _named("Retries")


@dataclass(frozen=True)
class Execution:
    """The `config` object of an image configuration: how a container of this image runs unless it is told otherwise."""

    user: str | None = _named("User")
    exposed_ports: Mapping[str, Any] | None = _named("ExposedPorts")
    env: tuple[str, ...] | None = _named("Env")
    entrypoint: tuple[str, ...] | None = _named("Entrypoint")
    cmd: tuple[str, ...] | None = _named("Cmd")
    volumes: Mapping[str, Any] | None = _named("Volumes")
    working_dir: str | None = _named("WorkingDir")
    labels: Mapping[str, str] | None = _named("Labels")
    stop_signal: str | None = _named("StopSignal")
    healthcheck: Healthcheck | None = field(default=None, metadata={"oci": "Healthcheck"})


@dataclass(frozen=True)
class RootFs:
    """The digests of the uncompressed layers, lowest first."""

    type: str
    diff_ids: tuple[str, ...] | None = field(default=None, metadata={"oci": "diff_ids"})


@dataclass(frozen=True)
class History:
    """How one layer came about; `empty_layer` entries changed only the configuration."""

    created: str | None = None
    created_by: str | None = field(default=None, metadata={"oci": "created_by"})
    author: str | None = None
    comment: str | None = None
    empty_layer: bool | None = field(default=None, metadata={"oci": "empty_layer"})


@dataclass(frozen=True)
class ImageConfig:
    """An image configuration (config.md); its digest is the image's id."""

    rootfs: RootFs
    architecture: str = ""
    os: str = ""
    variant: str | None = None
    created: str | None = None
    config: Execution | None = None
    history: tuple[History, ...] | None = None

    @property
    def platform(self) -> Platform:
        """What the image says it runs on."""
        return Platform(self.architecture, self.os, self.variant or "")
