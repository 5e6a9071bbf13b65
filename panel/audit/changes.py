"""What an audit row changed, field by field, so that a person can read it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """One field: `before` and `after` as text, None where it was not there."""

    name: str
    before: str | None
    after: str | None


def changes(before: Any, after: Any) -> list[Change]:
    """The fields that differ, nested ones under `outer.inner`, in the order they were written down."""
    old, new = dict(_flat("", before)), dict(_flat("", after))
    names = [*old, *(name for name in new if name not in old)]
    return [Change(name, _text(old, name), _text(new, name)) for name in names if _text(old, name) != _text(new, name)]


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every leaf under its path; what says nothing (null, empty) is left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner)
    elif value not in (None, "", [], {}):
        yield name or "value", value


def _text(values: dict[str, Any], name: str) -> str | None:
    if name not in values:
        return None
    value = values[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
