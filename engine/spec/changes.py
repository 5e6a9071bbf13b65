"""What a container changed in the files of its image."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.spec import codec


class ChangeKind(StrEnum):
    """What became of a path."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True)
class Change:
    """One path, absolute inside the container; bytes that are not UTF-8 are lone surrogates in it (PEP 383)."""

    path: str
    kind: ChangeKind

    def to_json(self) -> dict[str, Any]:
        """`{"path", "kind"}`."""
        value: dict[str, Any] = codec.to_json(self)
        return value
