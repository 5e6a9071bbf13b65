"""What volumes take on the disk, without walking their trees whenever somebody asks.

A project quota knows at any time, and so does a file system of the volume's own. Everything else is measured now and
then, and what was found is kept in the volume's folder with its time.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from engine.errors import KernelError
from engine.launcher import records
from engine.spec.volumes import kind_of
from engine.sys import project_quota
from engine.volumes import mounting
from engine.volumes.volume import DATA, DISK, Quota, Record

_KEPT = "usage.json"


@dataclass(frozen=True)
class Usage:
    """So many bytes, when; None for what nobody knows."""

    used_bytes: int | None = None
    measured_at: str = ""


def known(folder: Path, record: Record) -> Usage:
    """What is known at once: as it is now, or as it was when somebody looked."""
    if record.quota is Quota.PROJECT:
        return _by_project(folder)
    if has_own_file_system(record) and mounting.is_mounted(folder):
        return _by_file_system(folder)
    if record.quota is Quota.LOOP:
        return Usage((folder / DISK).stat().st_blocks * 512, records.now())
    return Usage() if kind_of(record.options) else _kept(folder)


def has_own_file_system(record: Record) -> bool:
    """Whether that knows how full it is, and nobody but this host answers for it."""
    return record.quota is Quota.LOOP or kind_of(record.options) == "tmpfs"


def is_measured_by_walking(record: Record) -> bool:
    """Whether nothing but its tree tells what it takes."""
    return record.quota is Quota.NONE and not kind_of(record.options)


def measure(folder: Path) -> Usage:
    """Walk the tree, and keep what was found."""
    return keep(folder, Usage(disk_bytes(folder), records.now()))


def keep(folder: Path, usage: Usage) -> Usage:
    """For those who ask later."""
    path = folder / _KEPT
    path.with_suffix(".new").write_text(json.dumps([usage.used_bytes, usage.measured_at]))
    path.with_suffix(".new").rename(path)
    return usage


def disk_bytes(folder: Path) -> int:
    """What the tree takes on the disk, a file with several names once. What is mounted in it must be another's."""
    taken: dict[int, int] = {}
    for at, names, files in os.walk(folder):
        for name in (*names, *files):
            try:
                info = os.lstat(os.path.join(at, name))
            except FileNotFoundError:  # whoever uses the volume removed it meanwhile
                continue
            taken[info.st_ino] = info.st_blocks * 512
    return sum(taken.values())


def _by_project(folder: Path) -> Usage:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return Usage(project_quota.limit_of(fd, project_quota.project_of(fd))[1], records.now())
    except KernelError:  # the disk was mounted without quotas this time
        return Usage()
    finally:
        os.close(fd)


def _by_file_system(folder: Path) -> Usage:
    told = os.statvfs(folder / DATA)
    return Usage((told.f_blocks - told.f_bfree) * told.f_frsize, records.now())


def _kept(folder: Path) -> Usage:
    try:
        used_bytes, measured_at = json.loads((folder / _KEPT).read_bytes())
    except (FileNotFoundError, ValueError):
        return Usage()
    return Usage(used_bytes, measured_at)
