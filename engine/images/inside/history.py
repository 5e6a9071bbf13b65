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
    places = [layout.layer(layer.chain_id) for layer in image.layers]
    counts = _counts(places)
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
            changes=counts[number - 1],
        )
        for number, (layer, descriptor) in enumerate(zip(image.layers, stored.manifest.layers, strict=True), 1)
    ]


def _counts(places: Sequence[Path]) -> list[LayerCounts]:
    """Of all layers, lowest first. Each is counted once: neither it nor what is below it ever changes."""
    kept = {number: _kept(place) for number, place in enumerate(places, 1)}
    uncounted = [number for number, counts in kept.items() if counts is None]
    for number, differences in layer_changes([place / "diff" for place in places], uncounted) if uncounted else ():
        found = {"added": 0, "changed": 0, "deleted": 0}
        for difference in differences:
            found[difference.kind.value] += 1
        write_atomically(places[number - 1] / _COUNTS, json.dumps(found).encode(), is_durable=False)
        kept[number] = LayerCounts(**found)
    return [counts for counts in kept.values() if counts is not None]


def _kept(place: Path) -> LayerCounts | None:
    try:
        return LayerCounts(**json.loads((place / _COUNTS).read_bytes()))
    except (FileNotFoundError, json.JSONDecodeError):  # empty after a power cut: it is counted again
        return None
