"""How an image came about: the steps of its history with the layers they made, and what each layer does."""

import json
from collections.abc import Sequence
from pathlib import Path

from engine.images.catalog import StoredImage
from engine.images.image import Image
from engine.images.inside.files import layer_changes
from engine.images.layout import Layout, write_atomically
from engine.spec.image_files import HistoryStep, LayerCounts, LayerFacts

_COUNTS = "changes"
"""The file beside an unpacked layer that keeps what it does in numbers."""


def steps(image: Image) -> list[HistoryStep]:
    """The steps, first to last. Layers that the history does not tell of stand at the end, by themselves."""
    told = []
    made = 0
    for entry in image.history:
        has_layer = not entry.is_empty_layer and made < len(image.layers)
        made += has_layer
        size = image.layers[made - 1].size_bytes if has_layer else 0
        told.append(HistoryStep(entry.created_at, entry.created_by, entry.comment, made if has_layer else 0, size))
    untold = enumerate(image.layers[made:], made + 1)
    return told + [HistoryStep("", "", "", number, layer.size_bytes) for number, layer in untold]


def layers(layout: Layout, image: Image, stored: StoredImage, others: Sequence[Image]) -> list[LayerFacts]:
    """The layers, lowest first, each with the other images of the store that have it too."""
    folders = [layout.layer(layer.chain_id) / "diff" for layer in image.layers]
    sharing: dict[str, list[str]] = {}
    for other in others:
        for layer in other.layers if other.id != image.id else ():
            sharing.setdefault(layer.chain_id, []).append(other.id)
    return [
        LayerFacts(
            number=number,
            diff_id=layer.diff_id,
            chain_id=layer.chain_id,
            digest=descriptor.digest,
            media_type=descriptor.media_type,
            size_bytes=layer.size_bytes,
            stored_bytes=descriptor.size,
            shared_with=tuple(sharing.get(layer.chain_id, ())),
            changes=_counts(layout.layer(layer.chain_id), folders[:number]),
        )
        for number, (layer, descriptor) in enumerate(zip(image.layers, stored.manifest.layers, strict=True), 1)
    ]


def _counts(layer: Path, folders: Sequence[Path]) -> LayerCounts:
    """Counted once: neither the layer nor what is below it ever changes."""
    kept = layer / _COUNTS
    try:
        return LayerCounts(**json.loads(kept.read_bytes()))
    except FileNotFoundError:
        found = {"added": 0, "changed": 0, "deleted": 0}
        for difference in layer_changes(folders):
            found[difference.kind.value] += 1
        write_atomically(kept, json.dumps(found).encode())
        return LayerCounts(**found)
