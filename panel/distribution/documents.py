"""Reads manifests: image manifests, indexes, artifacts, OCI's and Docker's, and any other JSON with such members.

Only what the registry itself needs is looked at (OCI image specification 1.1, "Image Manifest", "Image Index"); the
bytes are kept as they came.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from panel.distribution.errors import DigestInvalid, ManifestInvalid
from panel.distribution.names import is_digest

LONGEST_BYTES = 4 << 20
MOST_REFERENCES = 10_000

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"
ELSEWHERE = (".foreign.", ".nondistributable.")  # of layers that their `urls` offer, and no registry has to


@dataclass(frozen=True)
class Descriptor:
    """What a manifest says of something it needs."""

    digest: str
    size: int
    media_type: str = ""


@dataclass(frozen=True)
class Document:
    """A manifest as far as a registry understands it. `blobs` and `manifests` have to be in its repository."""

    media_type: str
    artifact_type: str = ""
    subject: str = ""
    annotations: dict[str, str] = field(default_factory=dict)
    blobs: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    config: Descriptor | None = None
    platforms: tuple[str, ...] = ()


def read(content: bytes, content_type: str) -> Document:
    """The manifest in `content`, sent as `content_type`. Raises ManifestInvalid naming the member at fault."""
    value = _object(_parsed(content), "the manifest")
    media_type = content_type.partition(";")[0].strip() or str(value.get("mediaType") or "")
    if not media_type or len(media_type) > 255 or not media_type.isprintable():
        raise ManifestInvalid("what kind of manifest it is stands neither in Content-Type nor in mediaType")
    if value.get("mediaType") not in (None, "", media_type):
        raise ManifestInvalid(f"mediaType is {value['mediaType']!r}, Content-Type {media_type!r}", field="mediaType")
    if media_type.startswith(DOCKER_SCHEMA_1) or value.get("schemaVersion") == 1:
        raise ManifestInvalid(
            "Docker's manifests of schema 1 are not taken any more", hint="Push it with a newer client."
        )
    config = _optional(value, "config")
    layers = [*_list(value, "layers"), *_list(value, "blobs")]
    children = _list(value, "manifests")
    if len(layers) + len(children) > MOST_REFERENCES:
        raise ManifestInvalid(f"it refers to more than {MOST_REFERENCES} others")
    needed = [config] if config else []
    needed += [layer for layer in layers if not any(word in layer.media_type for word in ELSEWHERE)]
    subject = _optional(value, "subject")
    return Document(
        media_type=media_type,
        artifact_type=_text(value, "artifactType") or (config.media_type if config else ""),
        subject=subject.digest if subject else "",
        annotations=_annotations(value),
        blobs=tuple(needed),
        manifests=tuple(children),
        config=config,
        platforms=tuple(_platforms(value)),
    )


def digest_of(content: bytes, reference: str) -> str:
    """The manifest's digest, by the algorithm of `reference` if that is one. Raises DigestInvalid for another one."""
    algorithm = reference.partition(":")[0] if ":" in reference else "sha256"
    digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    if ":" in reference and digest != reference:
        raise DigestInvalid(f"what came is {digest}, not {reference}", field="digest")
    return digest


def platform_of(config: bytes) -> str:
    """`linux/arm64/v8` by an image's configuration; empty if it tells none."""
    try:
        value = _parsed(config)
    except ManifestInvalid:
        return ""
    return _platform(value) if isinstance(value, dict) else ""


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid("it is not JSON") from error


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{what} is not an object", field=what)
    return value


def _list(value: dict[str, Any], name: str) -> list[Descriptor]:
    items = [] if value.get(name) is None else value[name]
    if not isinstance(items, list):
        raise ManifestInvalid(f"{name} is not a list", field=name)
    return [_descriptor(item, f"{name}[{number}]") for number, item in enumerate(items)]


def _optional(value: dict[str, Any], name: str) -> Descriptor | None:
    return None if value.get(name) is None else _descriptor(value[name], name)


def _descriptor(value: Any, where: str) -> Descriptor:
    told = _object(value, where)
    digest, size = told.get("digest"), told.get("size")
    if not isinstance(digest, str) or not is_digest(digest):
        raise DigestInvalid(f"{where}.digest is no sha256 or sha512 digest", field=f"{where}.digest")
    if type(size) is not int or size < 0:
        raise ManifestInvalid(f"{where}.size is no count of bytes", field=f"{where}.size")
    return Descriptor(digest, size, _text(told, "mediaType"))


def _text(value: dict[str, Any], name: str) -> str:
    text = "" if value.get(name) is None else value[name]
    if not isinstance(text, str) or len(text) > 255 or not text.isprintable():
        raise ManifestInvalid(f"{name} is not a text of 255 printable characters at most", field=name)
    return text


def _annotations(value: dict[str, Any]) -> dict[str, str]:
    told = _object({} if value.get("annotations") is None else value["annotations"], "annotations")
    if not all(isinstance(text, str) for text in told.values()):
        raise ManifestInvalid("annotations has a value that is not a text", field="annotations")
    # What JSON can say and no database can store: halves of characters, and NUL.
    return {_storable(name): _storable(text) for name, text in told.items()}


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _platforms(value: dict[str, Any]) -> Iterator[str]:
    """Each once, those of attestations (`unknown/unknown`) left out."""
    told = [item.get("platform") for item in value.get("manifests") or []]
    names = [_platform(platform) for platform in told if isinstance(platform, dict)]
    yield from dict.fromkeys(name for name in names if name and not name.startswith("unknown"))


def _platform(value: dict[str, Any]) -> str:
    parts = [value.get("os"), value.get("architecture"), value.get("variant")]
    return "/".join(part[:32] for part in parts if isinstance(part, str) and part and part.isprintable())
