"""How two images differ: what they have in common, and what their configurations say."""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from engine.images.image import Image
from engine.spec.image_files import Comparison, ConfigDifference

_CONFIGURATION = (
    "os",
    "architecture",
    "variant",
    "created_at",
    "user",
    "working_dir",
    "entrypoint",
    "command",
    "env",
    "exposed_ports",
    "volumes",
    "labels",
    "stop_signal",
    "health",
)


def compare(before: Image, after: Image) -> Comparison:
    """What can be told without looking at files."""
    pairs = zip(before.layers, after.layers, strict=False)
    shared = [old.chain_id for old, new in takewhile(lambda pair: pair[0].chain_id == pair[1].chain_id, pairs)]
    told = before.to_json(), after.to_json()
    differences = tuple(
        difference for name in _CONFIGURATION for difference in _differences(name, told[0][name], told[1][name])
    )
    return Comparison(
        before.id,
        after.id,
        tuple(shared),
        sum(layer.size_bytes for layer in before.layers[: len(shared)]),
        differences,
    )


def _differences(field: str, before: Any, after: Any) -> list[ConfigDifference]:
    """Lists of settings entry by entry, as one more variable is not another environment."""
    if field == "env":
        before, after = (dict(entry.partition("=")[::2] for entry in value) for value in (before, after))
    if field in ("exposed_ports", "volumes"):
        before, after = (dict.fromkeys(value, "") for value in (before, after))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = sorted(before.keys() | after.keys())
        return [
            ConfigDifference(field, name, before.get(name), after.get(name))
            for name in names
            if before.get(name) != after.get(name)
        ]
    return [ConfigDifference(field, "", before, after)] if before != after else []
