"""What the engine tells about a volume, and what is kept of it on disk."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.errors import DamagedStore, InvalidSpec
from engine.launcher import records
from engine.spec import codec

RECORD = "volume.json"
DATA = "_data"
DISK = "disk.ext4"
"""The file that holds a volume which is limited by it."""


class Quota(StrEnum):
    """What keeps a volume to its size.

    `project`: a project quota of the host's file system. `loop`: a file of that size with a file system of its own,
    ext4, in it; the host's disk can be full before the volume is.
    """

    NONE = ""
    PROJECT = "project"
    LOOP = "loop"


@dataclass(frozen=True)
class Volume:
    """A volume of this host. `mountpoint` is the folder that is mounted; `used_by` are the names of containers.

    An anonymous volume was made for one container, by its image or because its mount had no name. `options` are those
    of the driver it was made with. `size_bytes` is the most it may hold, kept by `quota`. `used_bytes` is what it
    took at `measured_at`: null where that is not known, or not the engine's to measure.
    """

    name: str
    driver: str
    mountpoint: str
    created_at: str
    labels: Mapping[str, str]
    is_anonymous: bool
    used_by: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None
    quota: Quota = Quota.NONE
    used_bytes: int | None = None
    measured_at: str = ""

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
    options: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None
    quota: Quota = Quota.NONE

    @classmethod
    def read(cls, folder: Path) -> "Record":
        """The record of the volume in `folder`. Raises FileNotFoundError, DamagedStore."""
        try:
            return codec.from_json(cls, json.loads((folder / RECORD).read_bytes()))
        except (ValueError, InvalidSpec) as error:
            raise DamagedStore(f"{folder / RECORD} cannot be read: {error}") from error

    def write(self, folder: Path) -> None:
        """Put it in the place of the one that is there, whole or not at all."""
        path = folder / RECORD
        path.with_suffix(".new").write_text(json.dumps(codec.to_json(self)))
        path.with_suffix(".new").rename(path)
        records.sync(str(path))
