"""What the engine tells about a volume, and what is kept of it on disk."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import DamagedStore, InvalidSpec
from engine.spec import codec

RECORD = "volume.json"


@dataclass(frozen=True)
class Volume:
    """A volume of this host. `mountpoint` is the folder that is mounted; `used_by` are the names of containers.

    An anonymous volume was made for one container, by its image or because its mount had no name.
    """

    name: str
    driver: str
    mountpoint: str
    created_at: str
    labels: Mapping[str, str]
    is_anonymous: bool
    used_by: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Every field under its own name."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class RemovedVolumes:
    """What a pruning did: names of volumes that are gone, and the disk space that came free."""

    removed: tuple[str, ...]
    freed_bytes: int

    def to_json(self) -> dict[str, Any]:
        """`{"removed", "freed_bytes"}`."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class Record:
    """`volume.json`. `owner` is the container an anonymous volume goes with, empty once it was left behind."""

    created_at: str
    labels: Mapping[str, str] = field(default_factory=dict)
    is_anonymous: bool = False
    owner: str = ""
    driver: str = "local"

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """The record of the volume in `folder`. Raises FileNotFoundError, DamagedStore."""
        try:
            return codec.from_json(cls, json.loads((folder / RECORD).read_bytes()))
        except (ValueError, InvalidSpec) as error:
            raise DamagedStore(f"{folder / RECORD} cannot be read: {error}") from error
