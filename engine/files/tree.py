"""A tree of files that is browsed: a container's root with its mounts, or a volume."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Conflict, InvalidSpec, KernelError
from engine.files.addresses import shown
from engine.files.failures import telling
from engine.rootfs import inside
from engine.rootfs.ids import Ids
from engine.rootfs.inside import INSIDE
from engine.sys.filesystems import is_made_up
from engine.sys.openat2 import RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV, openat2

_PEEK = os.O_PATH | os.O_NOFOLLOW
_LONGEST_NAME = 255
_DOTS = (b"", b".", b"..")


@dataclass(frozen=True)
class Spot:
    """A place for an entry: `name` in the folder that the descriptor `folder` is open on."""

    folder: int
    name: bytes

    def lstat(self) -> os.stat_result | None:
        """What is there, None for nothing."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def is_mount(self) -> bool:
        """Whether another file system is mounted there.

        The kernel protects only the mounts of the caller's own namespace: a rename or removal from here would take a
        container's away.
        """
        try:
            os.close(openat2(self.folder, self.name, _PEEK, resolve=RESOLVE_NO_XDEV))
        except KernelError as error:
            if error.errno == errno.EXDEV:
                return True
            if error.errno == errno.ENOENT:
                return False
            raise
        return False


@dataclass(frozen=True)
class Tree:
    """`fd` is open on its root; `ids` tell how owners are seen inside; `name` is what messages call it.

    `disk` is a folder of the disk that is filled by writing to it.
    """

    fd: int
    ids: Ids
    name: str
    disk: Path

    def open_folder(self, path: bytes) -> int:
        """A descriptor of the folder, links followed. Raises NotFound, InvalidSpec."""
        with telling(self.name, shown(path)):
            return openat2(self.fd, path, os.O_RDONLY | os.O_DIRECTORY, resolve=INSIDE)

    def peek(self, path: bytes) -> int:
        """A descriptor that opens nothing (O_PATH) of what is there, links followed. Raises NotFound, InvalidSpec."""
        with telling(self.name, shown(path)):
            return openat2(self.fd, path, os.O_PATH, resolve=INSIDE)

    def without_links(self, path: bytes) -> bytes:
        """Where the path leads once every link is followed; what is not there is taken as it is written."""
        return os.fsencode(inside.without_links(self.fd, os.fsdecode(path)))

    @contextmanager
    def spot(self, path: bytes) -> Iterator[Spot]:
        """The place the path names; a link at its end is the place itself. Raises NotFound, InvalidSpec."""
        at, _, name = path.rstrip(b"/").rpartition(b"/")
        if name in _DOTS:
            raise InvalidSpec("path", f"{shown(path[:200])} names nothing that could be changed")
        if len(name) > _LONGEST_NAME:
            raise InvalidSpec(
                "path", f"{shown(name[:80])}… has {len(name)} bytes, and a name has at most {_LONGEST_NAME}"
            )
        folder = self.open_folder(at or b"/")
        try:
            with telling(self.name, shown(path)):
                yield Spot(folder, name)
        finally:
            os.close(folder)

    @contextmanager
    def changing(self, path: bytes) -> Iterator[Spot]:
        """The same place, to change what is there. Raises Conflict for what the kernel makes up (/proc, /sys …).

        Whoever works here has the host's rights, and some of those files are the whole host's.
        """
        with self.spot(path) as spot:
            if is_made_up(spot.folder, b"." if spot.lstat() is None else spot.name):
                raise Conflict(f"{shown(path[:200])} is made up by the kernel.", hint="Change it from the inside.")
            yield spot


def open_regular(peek: int) -> int | None:
    """A descriptor to read by what `peek` (O_PATH) is of; None for what is no regular file, which is not touched."""
    if not stat.S_ISREG(os.fstat(peek).st_mode):
        return None
    # O_NONBLOCK: some files that the kernel makes up would wait for news.
    return os.open(f"/proc/self/fd/{peek}", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)


def open_beneath(folder: int, name: bytes) -> int:
    """A descriptor of the folder `name`, no link and nothing that is mounted. Raises KernelError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    return openat2(folder, name, flags, resolve=RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS)
