"""Makes entries beneath a folder so that nothing in an archive can reach outside of it.

Every parent directory is resolved by the kernel, for a layer with RESOLVE_BENEATH: links inside the layer are followed
(`lib` → `usr/lib`, as Debian has it), but an absolute one, or one that climbs out, fails. The last component is never
followed.
"""

import errno
import os
import stat
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self, TypeVar

from engine.errors import InvalidArchive, KernelError
from engine.images.limits import MAXIMUM_ENTRIES
from engine.rootfs.overlay import is_whiteout
from engine.rootfs.walk import lstat
from engine.sys.openat2 import RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, openat2

T = TypeVar("T")
Parts = tuple[bytes, ...]

MAXIMUM_PATH_BYTES = 4095
MAXIMUM_NAME_BYTES = 255
_OPEN_PARENTS = 64
_IMPLIED_MODE = 0o755
_BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def split(name: bytes) -> Parts:
    """The components of an entry's name; none for the layer's root. Raises InvalidArchive for one that leads out."""
    parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    if name.startswith(b"/") and parts:
        raise InvalidArchive("the path is absolute")
    if b".." in parts:
        raise InvalidArchive("the path climbs out with '..'")
    if len(name) > MAXIMUM_PATH_BYTES or any(len(part) > MAXIMUM_NAME_BYTES for part in parts):
        raise InvalidArchive("the path is longer than Linux allows")
    return parts


class Tree(ABC):
    """A folder that entries are put into, open at `root`; a context manager that closes its descriptors."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.entries = 0
        self._parents: OrderedDict[bytes, int] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._forget_parents()
        os.close(self.root)

    @abstractmethod
    def _open(self, path: bytes) -> int:
        """A new descriptor of a folder by its path from the root. Raises KernelError."""

    @abstractmethod
    def _take_away(self, parent: int, name: bytes) -> None:
        """Remove a folder with all it holds."""

    @abstractmethod
    def _implied(self, parts: Parts) -> tuple[int, int, int]:
        """Owner, group and mode of a folder that no entry describes."""

    def count_entry(self) -> None:
        """Raises InvalidArchive when there are too many."""
        self.entries += 1
        if self.entries > MAXIMUM_ENTRIES:
            raise InvalidArchive(f"more than {MAXIMUM_ENTRIES} files and directories")

    def create(self, parts: Parts, make: Callable[[int, bytes], T]) -> T:
        """Call `make(parent descriptor, name)`; whatever had the name before is taken away."""
        parent, name = self.parent(parts), parts[-1]
        try:
            return make(parent, name)
        except FileExistsError:
            self.remove(parent, name)
        return make(self.parent(parts), name)

    def make_directory(self, parts: Parts) -> int:
        """A descriptor for the directory, made unless it is there."""
        parent, name = self.parent(parts), parts[-1]
        before = lstat(parent, name)
        if before is None or not stat.S_ISDIR(before.st_mode):
            if before is not None:
                self.remove(parent, name)
                parent = self.parent(parts)
            os.mkdir(name, 0o700, dir_fd=parent)
        return os.open(name, _DIRECTORY, dir_fd=parent)

    def own(self, parts: Parts) -> os.stat_result | None:
        """What is there under the path, None for nothing."""
        directory = self.open_directory(parts[:-1])
        if directory is None:
            return None
        try:
            return lstat(directory, parts[-1])
        finally:
            os.close(directory)

    def remove(self, parent: int, name: bytes) -> None:
        """Take away one entry, a directory as a whole."""
        info = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            self._take_away(parent, name)
        else:
            os.unlink(name, dir_fd=parent)
        if stat.S_ISDIR(info.st_mode) or stat.S_ISLNK(info.st_mode):
            self._forget_parents()  # some of them may be gone now, or be found another way

    def parent(self, parts: Parts) -> int:
        """A descriptor for the directory of the entry, made where it is missing; valid until the next call."""
        path = b"/".join(parts[:-1])
        if not path:
            return self.root
        if path in self._parents:
            self._parents.move_to_end(path)
            return self._parents[path]
        fd = self.open_directory(parts[:-1])
        if fd is None:
            fd = self._make_parents(parts[:-1])
        if len(self._parents) >= _OPEN_PARENTS:
            os.close(self._parents.popitem(last=False)[1])
        self._parents[path] = fd
        return fd

    def open_directory(self, parts: Parts) -> int | None:
        """A new descriptor for a directory, None where it does not exist. Raises InvalidArchive."""
        try:
            return self._open(b"/".join(parts) or b".")
        except KernelError as error:
            if error.errno == errno.ENOENT:
                return None
            if error.errno in (errno.EXDEV, errno.ELOOP):
                raise InvalidArchive("the path goes through a link that leads out of the folder") from None
            if error.errno == errno.ENOTDIR:
                raise InvalidArchive("the path goes through a file") from None
            raise

    def _make_parents(self, parts: Parts) -> int:
        """Make the missing directories one by one; returns the last one's descriptor."""
        fd = os.dup(self.root)
        for depth in range(1, len(parts) + 1):
            try:
                below = self.open_directory(parts[:depth])
                if below is None:
                    self.count_entry()
                    self._make_parent(fd, parts[:depth])
                    below = os.open(parts[depth - 1], _DIRECTORY, dir_fd=fd)
            finally:
                os.close(fd)
            fd = below
        return fd

    def _make_parent(self, parent: int, parts: Parts) -> None:
        name = parts[-1]
        try:
            os.mkdir(name, _IMPLIED_MODE, dir_fd=parent)
        except FileExistsError:
            raise InvalidArchive("the path goes through a link to nowhere") from None
        owner, group, mode = self._implied(parts)
        os.chown(name, owner, group, dir_fd=parent, follow_symlinks=False)
        os.chmod(name, mode, dir_fd=parent)  # mkdir(2) leaves out what the umask says

    def _forget_parents(self) -> None:
        for fd in self._parents.values():
            os.close(fd)
        self._parents.clear()


class LayerTree(Tree):
    """The folder a layer is unpacked into.

    `lower` are the folders of the layers below, topmost first: a directory that no entry describes takes owner and mode
    from there, or writing /tmp/x in a layer would make /tmp unwritable. `trash` is a folder on the same file system
    that takes replaced directories.
    """

    def __init__(self, root: Path, *, lower: Iterable[Path], trash: Path) -> None:
        super().__init__(os.open(root, _DIRECTORY))
        self._lower = lower
        self._trash = trash
        self._thrown_away = 0

    def below(self, parts: Parts) -> os.stat_result | None:
        """What the layers below show under the path, None for nothing."""
        path = b"/".join(parts)
        for layer in self._lower:
            try:
                info = _stat_beneath(layer, path)
            except NotADirectoryError:  # a file or a whiteout here hides the directory that lower ones have
                return None
            if info is not None:
                return None if is_whiteout(info) else info
        return None

    def _open(self, path: bytes) -> int:
        return openat2(self.root, path, os.O_RDONLY | os.O_DIRECTORY, resolve=_BENEATH)

    def _take_away(self, parent: int, name: bytes) -> None:
        self._thrown_away += 1
        os.rename(name, self._trash / f"{os.getpid()}-{id(self)}-{self._thrown_away}", src_dir_fd=parent)

    def _implied(self, parts: Parts) -> tuple[int, int, int]:
        below = self.below(parts)
        if below is not None and stat.S_ISDIR(below.st_mode):
            return below.st_uid, below.st_gid, stat.S_IMODE(below.st_mode)
        return 0, 0, _IMPLIED_MODE


def _stat_beneath(root: Path, path: bytes) -> os.stat_result | None:
    """What is under the path in a layer's folder; NotADirectoryError where a file is in the way."""
    root_fd = os.open(root, _DIRECTORY)
    try:
        fd = openat2(root_fd, path, os.O_PATH | os.O_NOFOLLOW, resolve=_BENEATH)
    except KernelError as error:
        if error.errno in (errno.ENOENT, errno.EXDEV, errno.ELOOP):
            return None
        if error.errno == errno.ENOTDIR:
            raise NotADirectoryError(error.errno, os.strerror(error.errno), path) from None
        raise
    finally:
        os.close(root_fd)
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)
