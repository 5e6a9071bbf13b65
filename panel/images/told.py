"""What of an image a host tells the panel: everything, but cut where it is longer than anybody reads. No Django.

Configurations may have megabytes of labels, variables or history; they would stand in a row, in every operation's
result and in every report of the host. The engine itself tells all of it.
"""

import json
from typing import Any

from engine import Image

MOST_TEXT = 4_000
"""Characters of one text."""
MOST_FIELD = 32_000
"""Characters of one field as JSON, its last item included in part."""
WHOLE = frozenset({"id", "references", "digests", "layers", "manifest_digest"})
"""What the panel works with; the engine limits how many of each there can be."""


def told(image: Image) -> dict[str, Any]:
    """The image as JSON; `cut` names the fields that are not whole, in which `… +3000` says how much there is more."""
    value = image.to_json()
    shown = {name: field if name in WHOLE else _cut(field) for name, field in value.items()}
    return shown | {"cut": [name for name, field in value.items() if shown[name] != field]}


def _cut(field: Any) -> Any:
    if isinstance(field, list | dict) and len(json.dumps(field)) <= MOST_TEXT:
        return field  # as nearly always
    match field:
        case str():
            return field if len(field) <= MOST_TEXT else f"{field[:MOST_TEXT]}{_more(len(field) - MOST_TEXT)}"
        case list():
            items = _fitting([_cut(item) for item in field])
            left = len(field) - len(items)
            return [*items, _in_form_of(field[0], _more(left))] if left else items
        case dict():
            pairs = _fitting([[_cut(name), _cut(item)] for name, item in field.items()])
            left = len(field) - len(pairs)
            return dict(pairs) | ({"…": _more(left)} if left else {})
    return field


def _fitting(items: list[Any]) -> list[Any]:
    """The first ones, as far as there is room."""
    room = MOST_FIELD
    for number, item in enumerate(items):
        room -= len(json.dumps(item))
        if room < 0:
            return items[:number]
    return items


def _in_form_of(item: Any, mark: str) -> Any:
    """A step of a history is several values."""
    step = {"created_at": "", "created_by": mark, "comment": "", "is_empty_layer": True}
    return step if isinstance(item, dict) else mark


def _more(count: int) -> str:
    return f"… +{count}"
