"""What the engine tells about an image."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.errors import InvalidArchive, InvalidSpec
from engine.images.reference import Reference
from engine.spec import codec
from engine.spec.life import HealthCheck


@dataclass(frozen=True)
class ImageLayer:
    """One layer: `diff_id` digests its uncompressed tar, `chain_id` that and all below it; `size_bytes` is unpacked."""

    diff_id: str
    chain_id: str
    size_bytes: int


@dataclass(frozen=True)
class HistoryEntry:
    """One step of how the image was built; times in ISO 8601, empty where the image does not say."""

    created_at: str
    created_by: str
    comment: str
    is_empty_layer: bool


@dataclass(frozen=True)
class Image:
    """An image of this host's store.

    `id` is the digest of its configuration; `references` are full (`docker.io/library/busybox:latest`), sorted, and
    empty for an image that lost its last name. `created_at` is ISO 8601 in UTC, or empty. `size_bytes` is what its
    layers take unpacked, `shared_bytes` what those of them take that other images have too. `entrypoint` and `command`
    are `None` where the image names none. `layers` are lowest first. `health` is the check it says its containers are
    well by, without a `test` where it says none. `exposed_ports` are `80/tcp`, `volumes` paths inside the container.
    `digests` are `<repository>@<digest>`: what registries had it as when it was pulled from there, or pushed to there.
    """

    id: str
    references: tuple[str, ...]
    created_at: str
    size_bytes: int
    shared_bytes: int
    architecture: str
    os: str
    variant: str
    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None
    env: tuple[str, ...]
    working_dir: str
    user: str
    exposed_ports: tuple[str, ...]
    volumes: tuple[str, ...]
    labels: Mapping[str, str]
    stop_signal: str
    health: HealthCheck
    layers: tuple[ImageLayer, ...]
    manifest_digest: str
    history: tuple[HistoryEntry, ...]
    digests: tuple[str, ...] = ()

    def reference_meant(self, name: str) -> Reference | None:
        """Which of its references was meant by `name`, None where that was an id or a digest."""
        reference = _parsed(name)
        return reference if str(reference) in self.references else None

    def digest_meant(self, name: str) -> str:
        """Which of its `digests` was meant by `name`, empty for none; a name that has a digest is a name."""
        reference = _parsed(name)
        told = f"{reference.repository}@{reference.digest}" if reference else ""
        return told if told in self.digests and str(reference) not in self.references else ""

    def to_json(self) -> dict[str, Any]:
        """Every field under its own name; layers and history as objects."""
        value: dict[str, Any] = codec.to_json(self)
        return value


def _parsed(name: str) -> Reference | None:
    try:
        return Reference.parse(name)
    except InvalidSpec:
        return None


@dataclass(frozen=True)
class RemovedImage:
    """What a removal did: names taken away, ids of images that are gone, and the disk space that came free."""

    untagged: tuple[str, ...]
    deleted: tuple[str, ...]
    freed_bytes: int

    def to_json(self) -> dict[str, Any]:
        """`{"untagged", "deleted", "freed_bytes"}`."""
        value: dict[str, Any] = codec.to_json(self)
        return value


def normalized_time(text: str | None, what: str) -> str:
    """An RFC 3339 time as ISO 8601 in UTC with microseconds; empty for none. Raises InvalidArchive."""
    if not text:
        return ""
    try:
        time = datetime.fromisoformat(text)
        in_utc = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidArchive(f"{what}: {text[:60]!a} is not an RFC 3339 time") from None
    return in_utc.isoformat(timespec="microseconds").replace("+00:00", "Z")
