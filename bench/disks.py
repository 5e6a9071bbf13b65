"""Disks that have no past."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.disks import mounted


@contextmanager
def fresh_disk(folder: Path) -> Iterator[Path]:
    """A file system of one's own: ext4 is slow to give out numbers of files that were deleted a moment ago."""
    with mounted(folder, "ext4", "-q", size_bytes=4 << 30) as disk:
        yield disk
