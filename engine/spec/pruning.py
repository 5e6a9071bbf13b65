"""What prune is asked, of containers and of images, and what it tells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from engine.errors import InvalidSpec
from engine.spec import codec


@dataclass(frozen=True)
class PruneFilters:
    """Which of those that nobody needs are meant; all of them unless something is said.

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

    def moment(self) -> datetime | None:
        """`until` as a time, None where nothing is said. Raises InvalidSpec."""
        if not self.until:
            return None
        try:
            moment = datetime.fromisoformat(self.until)
        except ValueError:
            raise InvalidSpec("until", f"{self.until[:40]!r} is not an RFC 3339 time") from None
        if moment.tzinfo is None:
            raise InvalidSpec("until", f"{self.until[:40]!r} does not say its time zone", hint="Add Z for UTC.")
        return moment

    def fit(self, labels: Mapping[str, str]) -> bool:
        """Whether something with these labels is meant."""
        return all(_has(labels, label) for label in self.labels) and not any(
            _has(labels, label) for label in self.without_labels
        )


@dataclass(frozen=True)
class ImagePruneFilters(PruneFilters):
    """The same of images: those without a name unless `dangling` is false, then all that no container uses."""

    dangling: bool = True


@dataclass(frozen=True)
class Pruned:
    """A container or volume that goes, and the bytes it took on the disk; a volume's id is its name."""

    id: str
    name: str
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """`{"id", "name", "size_bytes"}`."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class PrunedImage:
    """An image that goes, with the names it had; `size_bytes` is what its layers take unpacked, shared or not."""

    id: str
    references: tuple[str, ...]
    created_at: str
    size_bytes: int


@dataclass(frozen=True)
class PrunedImages:
    """Images that go, and what comes free: blobs and unpacked layers that no other image needs, each counted once.

    `downloads_bytes` of that are of pulls that failed or were cancelled, kept until then for the next try.
    """

    images: tuple[PrunedImage, ...]
    freed_bytes: int
    downloads_bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """`{"images": [{"id", "references", "created_at", "size_bytes"}], "freed_bytes", "downloads_bytes"}`."""
        value: dict[str, Any] = codec.to_json(self)
        return value


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)
