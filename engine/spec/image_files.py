"""What the engine tells of the inside of images: layers, history, files, and how two of them differ."""

import os
from dataclasses import dataclass
from typing import Any

from engine.spec import codec
from engine.spec.files import ChangeKind


@dataclass(frozen=True)
class HistoryStep:
    """One step of how an image was made; `layer` is the number of the one it made, the lowest being 1, or 0."""

    created_at: str
    created_by: str
    comment: str
    layer: int
    size_bytes: int

    def to_json(self) -> dict[str, Any]:
        """All fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class LayerCounts:
    """How many paths a layer adds, changes and deletes."""

    added: int
    changed: int
    deleted: int


@dataclass(frozen=True)
class LayerFacts:
    """A layer of an image: `size_bytes` unpacked; as it is stored `stored_bytes`, with its `digest` and `media_type`.

    `number` counts from the lowest, which is 1; `shared_with` are the ids of the other images that have it.
    """

    number: int
    diff_id: str
    chain_id: str
    digest: str
    media_type: str
    size_bytes: int
    stored_bytes: int
    shared_with: tuple[str, ...]
    changes: LayerCounts

    def to_json(self) -> dict[str, Any]:
        """All fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class ConfigDifference:
    """A field of the configuration that differs; `name` is the entry of one that has several, such as a variable's."""

    field: str
    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Comparison:
    """One image against another: chain ids of the layers both have, what these take, how the configurations differ."""

    before: str
    after: str
    shared_layers: tuple[str, ...]
    shared_bytes: int
    differences: tuple[ConfigDifference, ...]

    def to_json(self) -> dict[str, Any]:
        """All fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class FileChange:
    """What a layer, or one image against another, does to a path.

    The path is absolute; bytes that are not UTF-8 are lone surrogates in it (PEP 383). Of what was deleted all values
    are those it had. `type` is `file`, `folder`, `link`, `device`, `pipe` or `socket`, `mode` its permission bits,
    `size_bytes` that of a file, `target` where a symbolic link leads as it is written, `size_before_bytes` what a file
    had before if it changed. `layer` counts from the lowest, which is 1; between two images it is 0.
    """

    path: str
    kind: ChangeKind
    type: str
    mode: int
    uid: int
    gid: int
    size_bytes: int
    size_before_bytes: int
    target: str
    layer: int


@dataclass(frozen=True)
class FilePage:
    """Some of them in order; `next` is given back as `after` for those that follow, empty at the end."""

    files: tuple[FileChange, ...]
    next: str

    def to_json(self) -> dict[str, Any]:
        """`{"files": […], "next"}`."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class FileQuery:
    """Which of them are wanted: of one `layer`, or of all with 0; whose path holds `search`, whatever its case.

    `kind` is one kind of change, empty for all. `after` goes on where a page before ended; `limit` is the most of one.
    """

    layer: int = 0
    search: str = ""
    kind: str = ""
    after: str = ""
    limit: int = 500


def text_of(path: bytes) -> str:
    """A path from the root of an image as text."""
    return "/" + os.fsdecode(path)
