"""What the engine tells of a container's files: what became of a path, and what is there under one."""

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


@dataclass(frozen=True)
class PathStat:
    """What is under a path: the last part of its `name`, `mode` as stat(2) has it, `mtime_ns` since 1970.

    `link_target` is, for a symbolic link, where it leads when every link is followed: absolute inside the container.
    """

    name: str
    size: int
    mode: int
    mtime_ns: int
    link_target: str

    def to_json(self) -> dict[str, Any]:
        """All fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value
