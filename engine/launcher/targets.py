"""Finds, or makes, the places in a container's root that something is mounted on.

The root is an image's, and a volume in it may belong to another container too that changes it at this very moment:
the kernel itself keeps every path within the root (openat2(2)), and links like those of /proc/self/fd, which lead past
all roots, are not followed.
"""

from __future__ import annotations

import errno
import os

from engine.errors import KernelError
from engine.sys.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

_MOST_LINKS = 40  # as many as the kernel follows
_MODE = 0o755
_FILE_MODE = 0o644


def open_target(path: str, *, is_folder: bool) -> int:
    """A descriptor (O_PATH) of what is at `path` in the caller's root; made, with its parents, where it is missing.

    A link to nowhere is followed, and what it names is made. Raises KernelError.
    """
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            return _open(root, path)
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
        return _open(root, _make(root, path, is_folder))
    finally:
        os.close(root)


def open_existing(path: str) -> int | None:
    """A descriptor (O_PATH) of what is at `path` in the caller's root, None where nothing is. Raises KernelError."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _open(root, path)
    except KernelError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise
    finally:
        os.close(root)


def _open(root: int, path: str) -> int:
    return openat2(root, path.encode(), os.O_PATH, resolve=RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)


def _make(root: int, path: str, is_folder: bool) -> str:
    """Make what is missing of `path`, part by part; the path without links."""
    rest, at, links = path.split("/"), "", 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            at = at.rpartition("/")[0]
        elif part not in ("", "."):
            link = _make_part(root, at, part, is_folder or any(rest))
            if link is None:
                at = f"{at}/{part}"
                continue
            links += 1
            if links > _MOST_LINKS:
                raise KernelError("open", errno.ELOOP, path)
            at = "" if link.startswith("/") else at
            rest = link.split("/") + rest
    return at or "/"


def _make_part(root: int, at: str, name: str, is_folder: bool) -> str | None:
    """Make one folder or empty file unless there is something; where a link leads that is there already."""
    parent = _open(root, at or "/")
    try:
        if is_folder:
            os.mkdir(name, _MODE, dir_fd=parent)
        else:
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
            os.close(os.open(name, flags, _FILE_MODE, dir_fd=parent))
    except FileExistsError:
        return _read_link(parent, name)
    except OSError as error:
        raise KernelError("mkdir" if is_folder else "open", error.errno or 0, f"{at}/{name}") from None
    finally:
        os.close(parent)
    return None


def _read_link(parent: int, name: str) -> str | None:
    try:
        return os.readlink(name, dir_fd=parent)
    except OSError:  # EINVAL: it is no link
        return None
