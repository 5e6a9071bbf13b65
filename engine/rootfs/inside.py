"""Finds paths inside a container's root, where every link may have been planted, and any of them this very moment.

The kernel itself keeps each step within the root (openat2(2), RESOLVE_IN_ROOT); absolute links lead to the root, `..`
never above it, and links like those of /proc/self/fd, which lead past all roots, are refused.
"""

import errno
import os
import posixpath
import stat
from dataclasses import dataclass

from engine.errors import InvalidSpec, KernelError, NotFound
from engine.rootfs.walk import lstat
from engine.sys.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

INSIDE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
_MOST_LINKS = 40  # as many as the kernel follows
_LONGEST_NAME = 255  # bytes, of every file system there is
_TOO_LONG = "is too long"


@dataclass(frozen=True)
class Place:
    """What a path names: `name` in the folder that the descriptor `folder` is open on. The caller closes that."""

    folder: int
    name: bytes
    info: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder itself, and no link to one."""
        return stat.S_ISDIR(self.info.st_mode)


def clean(path: str) -> str:
    """The path from the root on, `.` and `..` taken out as Docker takes them out: by the text alone."""
    if not path or not _is_path(path):
        raise InvalidSpec("path", f"{path[:80]!r} is not a path")
    return posixpath.normpath("/" + path.lstrip("/"))


def _is_path(text: str) -> bool:
    """Whether a file system could hold it: bytes that are no UTF-8 come as os.fsdecode() makes them."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def means_folder(path: str) -> bool:
    """Whether the path ends in `/` or `/.`, so that a link at its end is followed and must lead to a folder."""
    return path.endswith(("/", "/.")) or path == "."


def locate(root: int, path: str) -> Place:
    """The place of `path`; a link at its end is the place itself unless the path `means_folder`.

    Raises NotFound, and InvalidSpec where a folder is meant and there is none.
    """
    at = clean(path)
    if at == "/" or means_folder(path):
        folder, name = open_folder(root, at), b"."
    else:
        name = os.fsencode(posixpath.basename(at))
        if len(name) > _LONGEST_NAME:
            raise InvalidSpec("path", f"{at[:200]} {_TOO_LONG}")
        folder = open_folder(root, posixpath.dirname(at))
    info = lstat(folder, name)
    if info is None:
        os.close(folder)
        raise _absent(at)
    return Place(folder, name, info)


def open_folder(root: int, path: str) -> int:
    """A descriptor of the folder at the clean `path`, links followed. Raises NotFound, InvalidSpec."""
    try:
        return openat2(root, os.fsencode(path), os.O_RDONLY | os.O_DIRECTORY, resolve=INSIDE)
    except KernelError as error:
        if error.errno == errno.ENOENT:
            raise _absent(path) from None
        if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
            why = {errno.ENOTDIR: "is not a folder", errno.ELOOP: "goes through too many links"}
            raise InvalidSpec("path", f"{path[:200]} {why.get(error.errno, _TOO_LONG)}") from None
        raise


def is_there(root: int, path: str) -> bool:
    """Whether the clean `path` leads anywhere, links followed."""
    try:
        found = openat2(root, os.fsencode(path), os.O_PATH, resolve=INSIDE)
    except KernelError:
        return False
    os.close(found)
    return True


def without_links(root: int, path: str) -> str:
    """Where the clean `path` leads once every link in it is followed; what is not there is taken as it is written."""
    rest, at, links = path.split("/"), "", 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            at = at.rpartition("/")[0]
        elif part not in ("", "."):
            target = _read_link(root, at or "/", part)
            if target is None:
                at = f"{at}/{part}"
                continue
            links += 1
            if links > _MOST_LINKS:
                raise InvalidSpec("path", f"{path[:200]} goes through too many links")
            at = "" if target.startswith("/") else at
            rest = target.split("/") + rest
    return at or "/"


def _read_link(root: int, folder: str, name: str) -> str | None:
    try:
        parent = open_folder(root, folder)
    except (NotFound, InvalidSpec):
        return None
    try:
        return os.readlink(name, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):  # no link, or nothing
            return None
        raise
    finally:
        os.close(parent)


def _absent(path: str) -> NotFound:
    return NotFound(f"There is no {path[:200]} in the container.")
