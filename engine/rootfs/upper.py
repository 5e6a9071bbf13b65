"""Reads a container's writable layer: what is in it, what each entry hides of the layers below, what it took away.

Overlayfs marks a removal by a character device 0/0, and a folder that hides all below it by an attribute
(Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories").
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.rootfs.overlay import OPAQUE, is_whiteout
from engine.rootfs.walk import Found, join, lstat, names_in, open_folder, walk


class UpperEntry(NamedTuple):
    """One entry of the writable layer; `below` is what the layers below have under its path, None for nothing."""

    found: Found
    below: os.stat_result | None
    is_whiteout: bool
    is_opaque: bool

    @property
    def path(self) -> bytes:
        """From the root, without a leading `/`."""
        return self.found.path

    @property
    def is_merged_folder(self) -> bool:
        """Whether it is a folder, and so is what is below it."""
        return self.found.is_folder and self.below is not None and stat.S_ISDIR(self.below.st_mode)


@dataclass
class Upper:
    """The writable layer behind the descriptor `upper`, over what the descriptor `below` shows.

    `mount_points` are paths, without a leading `/`, at which something is mounted when the container starts: the empty
    files and folders made for that are nobody's change, and are passed over.
    """

    upper: int
    below: int
    mount_points: frozenset[bytes]
    _around_mounts: frozenset[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._around_mounts = frozenset(
            path[:end] for path in self.mount_points for end in range(len(path)) if path[end : end + 1] == b"/"
        )

    def entries(self) -> Iterator[UpperEntry]:
        """Everything in it, sorted, folders before what is in them."""
        # Of the folder at hand: whether it has no counterpart below, or is passed over. No path begins with a slash.
        alone, skipped = b"/", b"/"
        for found in walk(self.upper):
            if found.path.startswith(skipped):
                continue
            is_alone = found.path.startswith(alone)
            below = None if is_alone else lstat(self.below, found.path)
            if below is None and self._is_stub(found.path, found.info):
                skipped = found.path + b"/"
                continue
            entry = UpperEntry(found, below, is_whiteout(found.info), found.is_folder and _is_opaque(found))
            if found.is_folder and not is_alone and not entry.is_merged_folder:
                alone = found.path + b"/"
            yield entry

    def changes_names(self, path: bytes) -> bool:
        """Whether the merged folder adds a name to what the folder below it holds, or takes one away."""
        return any(
            is_whiteout(info) or (lstat(self.below, inside) is None and not self._is_stub(inside, info))
            for inside, info in self._inside(path)
        )

    def hidden_names(self, path: bytes) -> list[bytes]:
        """What the folder below holds and the opaque folder over it does not, sorted."""
        return sorted(names_in(self.below, path) - names_in(self.upper, path))

    def holds_mount_point(self, path: bytes) -> bool:
        """Whether something is mounted in the folder, whose time therefore tells of no change."""
        return path in self._around_mounts or any(mount.rpartition(b"/")[0] == path for mount in self.mount_points)

    def _is_stub(self, path: bytes, info: os.stat_result) -> bool:
        """Whether it is an empty file or folder for a mount, or a folder that holds nothing but such."""
        if not stat.S_ISDIR(info.st_mode):
            return path in self.mount_points and info.st_size == 0 and not is_whiteout(info)
        if path not in self.mount_points and path not in self._around_mounts:
            return False
        return all(self._is_stub(*inside) for inside in self._inside(path))

    def _inside(self, path: bytes) -> list[tuple[bytes, os.stat_result]]:
        folder = open_folder(self.upper, path)
        if folder is None:
            return []
        try:
            found = [(join(path, name), lstat(folder, name)) for name in map(os.fsencode, os.listdir(folder))]
        finally:
            os.close(folder)
        return [(inside, info) for inside, info in found if info is not None]


def _is_opaque(found: Found) -> bool:
    try:
        return os.getxattr(b"/proc/self/fd/%d/%s" % (found.folder, found.name), OPAQUE, follow_symlinks=False) == b"y"
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOENT, errno.ENOTSUP):
            return False
        raise
