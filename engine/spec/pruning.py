"""What prune is asked, and what it tells."""

from dataclasses import dataclass
from typing import Any, Self

from engine.spec import codec


@dataclass(frozen=True)
class PruneFilters:
    """Which of the containers that do not run are meant; all of them unless something is said.

    `until` is an RFC 3339 time before which they were created. `labels` and `without_labels` hold `name` or
    `name=value`: all of the former, none of the latter.
    """

    until: str = ""
    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Build from a JSON object; InvalidSpec names the first field that is wrong."""
        return codec.from_json(cls, value)


@dataclass(frozen=True)
class Pruned:
    """A container that goes, and the bytes it took on the disk."""

    id: str
    name: str
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """`{"id", "name", "size_bytes"}`."""
        value: dict[str, Any] = codec.to_json(self)
        return value
