"""Makes an image out of another: one more layer, or none, and a configuration of its own."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from engine.errors import Conflict, DamagedStore
from engine.images.archives.loader import StagedImage, add_manifest
from engine.images.catalog import StoredImage
from engine.images.documents import digest_of
from engine.images.layers.loader import LayerLoader
from engine.images.limits import MAXIMUM_LAYERS
from engine.images.reporter import Reporter
from engine.images.staging import Staging
from engine.images.tar.streams import Chunks
from engine.spec.image import DOCKER_LAYER, OCI_LAYER, Descriptor

_OF_ANOTHER = ("container", "container_config", "docker_version", "id", "parent", "throwaway")
"""What old versions of Docker wrote of the container that an image came from."""


@dataclass(frozen=True)
class Addition:
    """What is new: the layer as a plain tar, None for none; the whole `config` object; what the history tells."""

    layer: Iterator[bytes] | None
    config: Mapping[str, Any]
    created_by: str = ""
    author: str = ""
    comment: str = ""


def stage_commit(
    base: StoredImage, document: Mapping[str, Any], addition: Addition, layers: LayerLoader, reporter: Reporter
) -> StagedImage:
    """Stage an image that is `base`, whose configuration is `document`, with `addition`.

    Raises Conflict for one layer too many, else what reading the layer raises.
    """
    descriptors = [_as_oci(descriptor) for descriptor in base.manifest.layers]
    diff_ids = list(document["rootfs"]["diff_ids"])
    _lease(layers.staging, base)
    step = reporter.plan("pack changes")
    with reporter.step(step):
        if addition.layer is not None:
            _check_room(len(diff_ids))
            descriptor, diff_id = layers.load_new(Chunks(addition.layer), below=diff_ids, step=step)
            descriptors.append(descriptor)
            diff_ids.append(diff_id)
    config = json.dumps(_config(document, addition, diff_ids)).encode()
    return StagedImage(add_manifest(layers.staging, config, descriptors), digest_of(config), ())


def _config(document: Mapping[str, Any], addition: Addition, diff_ids: list[str]) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    told = {"created_by": addition.created_by, "author": addition.author, "comment": addition.comment}
    entry: dict[str, Any] = {"created": now, **{key: text for key, text in told.items() if text}}
    if addition.layer is None:
        entry["empty_layer"] = True
    history: list[Any] = [*(document.get("history") or ()), entry]
    kept = {key: value for key, value in document.items() if key not in _OF_ANOTHER}
    if addition.author:
        kept["author"] = addition.author
    return kept | {
        "created": now,
        "config": dict(addition.config),
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }


def _as_oci(layer: Descriptor) -> Descriptor:
    """The manifest will be OCI's, in which Docker's names for the same kinds of layers have no place."""
    if not layer.media_type.startswith(DOCKER_LAYER):
        return layer
    return replace(layer, media_type=OCI_LAYER + layer.media_type.removeprefix(DOCKER_LAYER).replace(".", "+"))


def _lease(staging: Staging, base: StoredImage) -> None:
    """Hold on to all that the new image shares with the old one."""
    has_all = [staging.has_blob(layer.digest) for layer in base.manifest.layers]
    has_all += [staging.has_layer(layer.chain_id) for layer in base.layers]
    if not all(has_all):
        raise DamagedStore(f"the image store lacks layers of image {base.id}", hint="Load the image again.")


def _check_room(count: int) -> None:
    if count >= MAXIMUM_LAYERS:
        raise Conflict(
            f"The image has {count} layers already, the most that overlayfs takes.",
            hint="Export the container and import it as an image of one layer.",
        )
