"""Keeps a volume to its size: by a project quota where the host's file system has them, else in a file of that size."""

import errno
import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

from engine.errors import Conflict, InvalidSpec, KernelError, Unsupported
from engine.rootfs import quota
from engine.sys import loop, project_quota
from engine.volumes.volume import DATA, DISK, Quota

LEAST_LOOP_BYTES = 16 << 20
_EXT4_IOC_RESIZE_FS = 0x40086610
_MKFS_TIMEOUT_S = 300


def begin(fresh: Path, limit_bytes: int) -> Quota:
    """Limit a volume that is being made in the still empty folder `fresh`. Raises InvalidSpec, Unsupported."""
    try:
        quota.limit([fresh], limit_bytes)
    except Unsupported:
        _make_disk(fresh / DISK, limit_bytes)
        return Quota.LOOP
    return Quota.PROJECT


def forget(folder: Path) -> None:
    """The volume is about to be removed: so is its limit."""
    quota.release(folder)


def check_growth(kind: Quota, before: int | None, limit_bytes: int, used_bytes: int | None) -> None:
    """Raise Conflict where the volume cannot get this size, InvalidSpec where nothing can have it."""
    if kind is Quota.NONE:
        raise Conflict(
            "The volume was made without a size, and gets none later.",
            hint="Clone it into a volume with a size.",
        )
    if kind is Quota.LOOP and limit_bytes < (before or 0):
        raise Conflict(
            f"The volume has {before} bytes, and a file system in a file cannot shrink while it is used.",
            hint="Clone it into a smaller volume.",
        )
    if kind is Quota.PROJECT and used_bytes is not None and limit_bytes < used_bytes:
        raise Conflict(
            f"The volume holds {used_bytes} bytes already.", hint="Remove files of it first, or ask for more."
        )


def resize_project(folder: Path, limit_bytes: int) -> None:
    """Let the volume hold so much, at once."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        project_quota.set_limit(fd, project_quota.project_of(fd), limit_bytes)
    finally:
        os.close(fd)


def resize_disk(folder: Path, limit_bytes: int) -> None:
    """Let the file, and the file system in it, which must be mounted, have this size. Doing it again is no error."""
    if (folder / DISK).stat().st_size < limit_bytes:
        os.truncate(folder / DISK, limit_bytes)
    with loop.attached(folder / DISK) as device:
        loop.grow(device)
    fd = os.open(folder / DATA, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        blocks = limit_bytes // os.fstatvfs(fd).f_bsize
        fcntl.ioctl(fd, _EXT4_IOC_RESIZE_FS, struct.pack("=Q", blocks))
    except OSError as error:
        if error.errno == errno.EPERM:
            raise Unsupported("The engine may not resize file systems here: it lacks CAP_SYS_RESOURCE.") from error
        raise KernelError("ioctl EXT4_IOC_RESIZE_FS", error.errno or 0, str(folder / DATA)) from error
    finally:
        os.close(fd)


def _make_disk(file: Path, size_bytes: int) -> None:
    if size_bytes < LEAST_LOOP_BYTES:
        raise InvalidSpec(
            "size_bytes",
            f"{size_bytes} is less than the {LEAST_LOOP_BYTES} bytes a file system in a file has at least",
            hint="This host's file system keeps no project quotas, with which a volume could be smaller.",
        )
    if not os.path.exists("/dev/loop-control"):
        raise Unsupported("This host has neither project quotas nor loop devices, so no volume can have a size.")
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if mkfs is None:
        raise Unsupported("A volume with a size needs mkfs.ext4 here.", hint="Install the package e2fsprogs.")
    fd = os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(fd, size_bytes)
    finally:
        os.close(fd)
    command = [mkfs, "-q", "-F", "-m", "0", "-b", "4096", "-E", "nodiscard,root_owner=0:0", str(file)]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_MKFS_TIMEOUT_S)
    if made.returncode != 0:
        raise Unsupported(f"No file system could be made for the volume: {made.stderr.strip()[-300:]}")
