"""Copies what is in a folder into another: owners, modes, times, extended attributes, hard links, devices, links.

Both sides are walked by descriptor and never through a link, so a tree that somebody else made cannot lead elsewhere.
"""

from __future__ import annotations

import errno
import os
import stat

from engine.errors import KernelError
from engine.sys.openat2 import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_STRICT = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
_LARGEST_PIECE = 1 << 30


def copy_tree(source: int, target: int) -> None:
    """Copy all within the folder `source` is open on into `target`, and make `target` itself like it.

    Extended attributes that the target's file system cannot hold are left out. Raises KernelError, OSError.
    """
    seen: dict[tuple[int, int], bytes] = {}
    waiting, folders = [b"."], []
    while waiting:
        folder = waiting.pop()
        folders.append(folder)
        inside, outside = _open(source, folder), _open(target, folder)
        try:
            for name in os.listdir(inside):
                path = folder + b"/" + os.fsencode(name)
                if _copy_entry(inside, outside, os.fsencode(name), path, seen, target):
                    waiting.append(path)
        finally:
            os.close(inside)
            os.close(outside)
    for folder in reversed(folders):  # only now: what was made within has changed its time, and may need its mode
        inside, outside = _open(source, folder), _open(target, folder)
        try:
            dress(inside, outside)
        finally:
            os.close(inside)
            os.close(outside)


def _open(root: int, path: bytes) -> int:
    return openat2(root, path, _DIRECTORY, resolve=_STRICT)


def _copy_entry(
    inside: int, outside: int, name: bytes, path: bytes, seen: dict[tuple[int, int], bytes], target: int
) -> bool:
    """Copy one entry; whether it is a folder, whose contents are to follow."""
    info = os.stat(name, dir_fd=inside, follow_symlinks=False)
    if stat.S_ISDIR(info.st_mode):
        os.mkdir(name, 0o700, dir_fd=outside)
        return True
    identity = info.st_dev, info.st_ino
    if identity in seen:
        os.link(seen[identity], name, src_dir_fd=target, dst_dir_fd=outside, follow_symlinks=False)
        return False
    if info.st_nlink > 1:
        seen[identity] = path
    if stat.S_ISREG(info.st_mode):
        _copy_file(inside, outside, name)
        return False
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(name, dir_fd=inside), name, dir_fd=outside)
    else:
        os.mknod(name, info.st_mode, info.st_rdev, dir_fd=outside)
    os.chown(name, info.st_uid, info.st_gid, dir_fd=outside, follow_symlinks=False)
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(name, stat.S_IMODE(info.st_mode), dir_fd=outside)
    os.utime(name, ns=(info.st_atime_ns, info.st_mtime_ns), dir_fd=outside, follow_symlinks=False)
    return False


def _copy_file(inside: int, outside: int, name: bytes) -> None:
    reader = openat2(inside, name, os.O_RDONLY | os.O_NONBLOCK, resolve=_STRICT)
    try:
        writer = openat2(outside, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, resolve=_STRICT, mode=0o600)
        try:
            while os.sendfile(writer, reader, None, _LARGEST_PIECE):
                pass
            dress(reader, writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def dress(source: int, target: int) -> None:
    """Give what `target` is open on the owner, mode, attributes and times of `source`."""
    info = os.fstat(source)
    os.fchown(target, info.st_uid, info.st_gid)
    os.fchmod(target, stat.S_IMODE(info.st_mode))  # after the owner: chown(2) clears set-id bits
    for name in os.listxattr(source):
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EOPNOTSUPP):
                raise KernelError("setxattr", error.errno or 0, name) from error
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
