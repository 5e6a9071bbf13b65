"""Archives as `docker save` and OCI tools write them, plain, gzip or zstd, in layers or as a whole."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import zstandard

from tests.images.build import Built, digest

Compression = Literal["", "gzip", "zstd"]


def compress(data: bytes, compression: Compression) -> bytes:
    """The bytes compressed, or as they are."""
    if compression == "gzip":
        return gzip.compress(data, compresslevel=1, mtime=0)
    return zstandard.compress(data) if compression == "zstd" else data


def docker_archive(*images: Built, compression: Compression = "", outer: Compression = "") -> bytes:
    """A `docker save` archive: `manifest.json` last, layers named by their digest."""
    files: dict[str, bytes] = {}
    manifest = []
    for image in images:
        names = [f"{digest(layer)[7:]}/layer.tar" for layer in image.layers]
        files |= {name: compress(layer, compression) for name, layer in zip(names, image.layers, strict=True)}
        files[f"{image.id[7:]}.json"] = image.config
        tags = [image.reference] if image.reference else None
        manifest.append({"Config": f"{image.id[7:]}.json", "RepoTags": tags, "Layers": names})
    files["manifest.json"] = json.dumps(manifest).encode()
    return compress(pack(files), outer)


def oci_archive(
    *images: Built, compression: Compression = "gzip", outer: Compression = "", is_nested: bool = False
) -> bytes:
    """An OCI archive; `is_nested` puts each image into an index of its own beside an attestation, as BuildKit does."""
    layout, blobs = _layout(images, compression, is_nested=is_nested)
    return compress(pack(layout | blobs), outer)


def _layout(
    images: Sequence[Built], compression: Compression, *, is_nested: bool
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    blobs: dict[str, bytes] = {}
    manifests = []
    for image in images:
        descriptor = _add_manifest(blobs, image, compression)
        if is_nested:
            descriptor = _add_index(blobs, descriptor, json.loads(image.config))
        names = {"org.opencontainers.image.ref.name": image.reference} if image.reference else {}
        manifests.append(descriptor | {"annotations": names})
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": _index(manifests)}
    return files, {f"blobs/sha256/{name[7:]}": data for name, data in blobs.items()}


def modern_docker_archive(*images: Built) -> bytes:
    """What `docker save` writes since version 25: an OCI layout with bare tags; `manifest.json` has the names."""
    manifest = [
        {
            "Config": f"blobs/sha256/{image.id[7:]}",
            "RepoTags": [image.reference],
            "Layers": [f"blobs/sha256/{diff_id[7:]}" for diff_id in image.diff_ids],
        }
        for image in images
    ]
    tagged = [replace(image, reference=image.reference.rpartition(":")[2]) for image in images]
    layout, blobs = _layout(tagged, "", is_nested=False)
    return pack(layout | {"manifest.json": json.dumps(manifest).encode()} | blobs)


def multi_platform_archive(reference: str, images: Mapping[str, Built], *, absent: Sequence[str] = ()) -> bytes:
    """An OCI archive of one name for several architectures; those `absent` are listed, but their blobs left out."""
    blobs: dict[str, bytes] = {}
    listed = []
    for architecture, image in images.items():
        where = {} if architecture in absent else blobs
        listed.append(_add_manifest(where, image, "gzip") | {"platform": {"architecture": architecture, "os": "linux"}})
    index = _add(blobs, _index(listed), "application/vnd.oci.image.index.v1+json")
    named = index | {"annotations": {"io.containerd.image.name": reference}}
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": _index([named])}
    return pack(files | {f"blobs/sha256/{name[7:]}": data for name, data in blobs.items()})


def pack(files: Mapping[str, bytes]) -> bytes:
    """A plain tar of the files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _add_manifest(blobs: dict[str, bytes], image: Built, compression: Compression) -> dict[str, Any]:
    suffix = f"+{compression}" if compression else ""
    layers = [
        _add(blobs, compress(layer, compression), f"application/vnd.oci.image.layer.v1.tar{suffix}")
        for layer in image.layers
    ]
    media_type = "application/vnd.oci.image.manifest.v1+json"
    config = _add(blobs, image.config, "application/vnd.oci.image.config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers}
    return _add(blobs, json.dumps(manifest).encode(), media_type)


def _add_index(blobs: dict[str, bytes], manifest: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    platform = {"architecture": config["architecture"], "os": config["os"]}
    attestation = _add(blobs, b'{"not": "an image"}', "application/vnd.oci.image.manifest.v1+json")
    unknown = {"platform": {"architecture": "unknown", "os": "unknown"}}
    inner = _index([manifest | {"platform": platform}, attestation | unknown])
    return _add(blobs, inner, "application/vnd.oci.image.index.v1+json")


def _index(manifests: list[dict[str, Any]]) -> bytes:
    media_type = "application/vnd.oci.image.index.v1+json"
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}).encode()


def _add(blobs: dict[str, bytes], data: bytes, media_type: str) -> dict[str, Any]:
    blobs[digest(data)] = data
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}
