"""What an archive may cost: bounds against decompression bombs and against filling the disk.

A stream may grow to `FLOOR_BYTES` plus `RATIO` times what was read of its compressed form, checked as it flows, and
all layers of an archive together to the same bound on the archive's own size, so that bombs within bombs and a layer
listed a thousand times do not multiply. Real layers compress 2 to 10 times, preallocated database files some 50 times;
gzip can reach 1030, zstd more. Ten gigabytes of zeros in ten megabytes of gzip are refused after 142 MiB.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InvalidArchive, StorageFull

FLOOR_BYTES = 128 << 20
RATIO = 100
MAXIMUM_ENTRIES = 1_000_000
"""Files, directories and links of one layer, directories made only because a path needs them included."""
MAXIMUM_LAYERS = 500
"""Overlayfs takes no more lower layers (OVL_MAX_STACK)."""
MAXIMUM_IMAGES = 1000
MAXIMUM_MEMBERS = 100_000
"""Files of an image archive."""
MAXIMUM_DOCUMENT_BYTES = 4 << 20
"""A manifest, index or configuration; what registries allow for manifests."""
MAXIMUM_DOCUMENTS_BYTES = 64 << 20
"""All documents of one archive, counted each time one is read."""
RESERVE_BYTES = 1 << 30
RESERVE_SHARE = 0.02
"""This much of the disk stays free: the smaller of both."""
RESERVE_INODES = 1000
_LOOK_EVERY_BYTES = 32 << 20


def check_growth(stored_bytes: int, plain_bytes: int, what: str = "") -> None:
    """Refuse, with InvalidArchive, a stream that grows too much from its compressed form; `what` begins the message."""
    limit = FLOOR_BYTES + RATIO * stored_bytes
    if plain_bytes > limit:
        raise InvalidArchive(
            f"{what}{stored_bytes} bytes unpack to more than {limit}, as only a decompression bomb does",
            hint=f"At most {FLOOR_BYTES >> 20} MiB plus {RATIO} times the compressed size are unpacked.",
        )


@dataclass
class Growth:
    """Counts what all layers of one archive unpack to, against the size of the archive."""

    archive_bytes: int
    plain_bytes: int = 0

    def add(self, count: int) -> None:
        """Count `count` more bytes; raises InvalidArchive when it becomes too much."""
        self.plain_bytes += count
        check_growth(self.archive_bytes, self.plain_bytes, "all layers together: ")


@dataclass
class DiskSpace:
    """Keeps a reserve free on the disk under `folder`; cheap enough to be told of every write."""

    folder: Path
    _until_look: int = field(default=0, init=False)

    def use(self, count: int) -> None:
        """About to write `count` bytes. Raises StorageFull where the reserve would be touched."""
        self._until_look -= count
        if self._until_look > 0:
            return
        self._until_look = _LOOK_EVERY_BYTES
        disk = os.statvfs(self.folder)
        free = disk.f_bavail * disk.f_frsize
        reserve = min(RESERVE_BYTES, int(disk.f_blocks * disk.f_frsize * RESERVE_SHARE))
        if free - max(count, _LOOK_EVERY_BYTES) < reserve:
            raise storage_full(self.folder, f"{free >> 20} MiB are free and {reserve >> 20} MiB stay in reserve")
        if disk.f_files and disk.f_favail < RESERVE_INODES:
            raise storage_full(self.folder, f"only {disk.f_favail} inodes are free")


@contextmanager
def noticing_full_disk(folder: Path) -> Iterator[None]:
    """Turns the kernel's ENOSPC and EDQUOT into StorageFull: others write to the disk as well."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise storage_full(folder, os.strerror(error.errno)) from error
        raise


def storage_full(folder: Path, reason: str) -> StorageFull:
    """The error for a disk without room."""
    return StorageFull(f"the disk under {folder} is full: {reason}", hint="Remove images or containers, or add space.")
