"""Disks of their own for tests: a file system in a file, mounted."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services.processes import wait_until

DISK_BYTES = 320 << 20


@contextmanager
def mounted(
    folder: Path, kind: str, *mkfs_options: str, options: str = "loop", size_bytes: int = DISK_BYTES
) -> Iterator[Path]:
    """The folder where a new file system of this kind is mounted, its file in `folder`; skips where it cannot be."""
    disk, at = folder / "disk", folder / "at"
    at.mkdir()
    if shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"mkfs.{kind}")
    with open(disk, "wb") as file:
        file.truncate(size_bytes)
    subprocess.run([f"mkfs.{kind}", *mkfs_options, disk], check=True)
    if subprocess.run(["mount", "-o", options, disk, at], capture_output=True, check=False).returncode:
        pytest.skip(f"mounting {kind} with {options}")
    try:
        yield at
    finally:
        _unmount(at)
        disk.unlink()
        at.rmdir()


@contextmanager
def small_disk(folder: Path, *, size_bytes: int) -> Iterator[Path]:
    """A folder that holds no more than so many bytes."""
    at = folder / "small"
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", at], check=True)
    try:
        yield at
    finally:
        _unmount(at)


def _unmount(at: Path) -> None:
    """A store may still be bringing to the disk what it has published."""
    command = ["umount", str(at)]
    wait_until(
        lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, "nobody uses the disk"
    )
