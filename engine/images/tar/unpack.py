"""Unpacks a tar into a tree, entry by entry; every error names the entry it is about."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engine.errors import DigestMismatch, InvalidArchive, KernelError
from engine.images.limits import DiskSpace, storage_full
from engine.images.tar.reader import Entry, Kind, TarReader
from engine.images.tar.tree import Parts, Tree, split
from engine.rootfs.attributes import is_carried
from engine.rootfs.walk import lstat

DEVICES = frozenset({(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)})
"""The devices an archive may hold: null, zero, full, random, urandom, tty, console, ptmx. All others are refused."""

AnyTree = TypeVar("AnyTree", bound=Tree)

MAXIMUM_ID = (1 << 32) - 2
_HINT = "It is hostile or was made by a faulty tool; make it again."
_LAST_NS = (1 << 62) - 1  # in the year 2116; os.utime takes no more than 64 bits
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class Unpacker(Generic[AnyTree]):
    """Puts the entries of one archive into `tree`; `space` is told of every byte before it is written."""

    tree: AnyTree
    space: DiskSpace
    size_bytes: int = 0
    """What the files hold so far; holes and further names of a file do not count."""
    largest_id: int = 0
    """The largest user or group id that anything belongs to."""
    _directory_times: dict[Parts, int] = field(default_factory=dict)

    def unpack(self, tar: TarReader) -> None:
        """All entries, in order; a later one replaces an earlier one of the same name.

        Raises InvalidArchive naming the entry, StorageFull, KernelError.
        """
        for entry in tar:
            with self._naming(entry.name, entry.kind.value):
                self.tree.count_entry()
                self._take(entry, tar)
        self._finish()
        self._set_directory_times()

    def _take(self, entry: Entry, tar: TarReader) -> None:
        """Do what the entry asks for."""
        self._place(self._split(entry.name), entry, tar)

    def _split(self, name: bytes) -> Parts:
        """The components of a name in the archive, or a hard link's target."""
        return split(name)

    def _set_attributes(self, fd: int, entry: Entry) -> None:
        """Owner first: changing it clears setuid bits and file capabilities."""
        os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)
        for name, value in entry.xattrs.items():
            if self._carries(name):
                self._set_attribute(fd, name, value)

    def _carries(self, name: str) -> bool:
        """Whether the extended attribute is taken from the archive."""
        return is_carried(name)

    def _set_attribute(self, fd: int, name: str, value: bytes) -> None:
        os.setxattr(fd, name, value)

    def _finish(self) -> None:
        """Called when every entry is in its place, but for the times of directories."""

    @contextmanager
    def _naming(self, name: bytes, kind: str) -> Iterator[None]:
        """Tells in every error which entry it was about."""
        try:
            yield
        except DigestMismatch:  # of the whole stream, which ended in this entry by chance
            raise
        except InvalidArchive as error:
            raise InvalidArchive(f"{_shown(name)}: {error.message}", hint=error.hint or _HINT) from None
        except OSError as error:
            raise self._translated(error, _shown(name), kind) from error

    def _place(self, parts: Parts, entry: Entry, tar: TarReader) -> None:
        if entry.uid not in range(MAXIMUM_ID + 1) or entry.gid not in range(MAXIMUM_ID + 1):
            raise InvalidArchive(f"owner {entry.uid}:{entry.gid} does not exist on Linux")
        self.largest_id = max(self.largest_id, entry.uid, entry.gid)
        if not parts and entry.kind is not Kind.DIRECTORY:
            raise InvalidArchive(f"the root is a {entry.kind.value}")
        if entry.kind is Kind.FILE:
            self._file(parts, entry, tar)
        else:
            _ACTIONS[entry.kind](self, parts, entry)

    def _file(self, parts: Parts, entry: Entry, tar: TarReader) -> None:
        fd = self.tree.create(parts, lambda parent, name: os.open(name, _NEW_FILE, 0o600, dir_fd=parent))
        try:
            self._write(fd, entry, tar)
            self._set_attributes(fd, entry)
            os.utime(fd, ns=_times(entry))
        finally:
            os.close(fd)

    def _write(self, fd: int, entry: Entry, tar: TarReader) -> None:
        if entry.segments is None:
            for data in tar.chunks():
                self._write_all(fd, data)
            return
        os.ftruncate(fd, entry.size)
        data = b""
        chunks = tar.chunks()
        for offset, length in entry.segments:
            os.lseek(fd, offset, os.SEEK_SET)
            missing = length
            while missing:
                data = data or next(chunks)
                piece, data = data[:missing], data[missing:]
                self._write_all(fd, piece)
                missing -= len(piece)

    def _write_all(self, fd: int, data: bytes) -> None:
        self.space.use(len(data))
        self.size_bytes += len(data)
        written = os.write(fd, data)
        while written < len(data):  # a full disk shows as a short write first
            written += os.write(fd, data[written:])

    def _directory(self, parts: Parts, entry: Entry) -> None:
        fd = self.tree.make_directory(parts) if parts else os.dup(self.tree.root)
        try:
            self._set_attributes(fd, entry)
        finally:
            os.close(fd)
        self._directory_times[parts] = entry.mtime_ns

    def _symlink(self, parts: Parts, entry: Entry) -> None:
        if not entry.target:
            raise InvalidArchive("a symbolic link to nothing")

        def make(parent: int, name: bytes) -> None:
            os.symlink(entry.target, name, dir_fd=parent)
            _set_owner(parent, name, entry)

        self.tree.create(parts, make)

    def _hard_link(self, parts: Parts, entry: Entry) -> None:
        try:
            target = self._split(entry.target)
        except InvalidArchive as error:
            raise InvalidArchive(f"hard link to {_shown(entry.target)}: {error.message}") from None
        # Two parents are held at once here, and the tree promises only the latest.
        directory = self.tree.open_directory(target[:-1]) if target and target != parts else None
        if directory is None:
            raise InvalidArchive(f"hard link to {_shown(entry.target)}, which is not there")
        try:
            self.tree.create(parts, lambda parent, name: _link(directory, target[-1], parent, name))
        except (FileNotFoundError, PermissionError) as error:  # EPERM is what a directory answers
            raise InvalidArchive(f"hard link to {_shown(entry.target)}, which is no file") from error
        finally:
            os.close(directory)

    def _device(self, parts: Parts, entry: Entry) -> None:
        number = (entry.major, entry.minor)
        if not self._takes_device(entry):
            raise InvalidArchive(
                f"{entry.kind.value} {entry.major}:{entry.minor} is not allowed in an image",
                hint="Allowed are null, zero, full, random, urandom, tty, console and ptmx.",
            )
        kind = stat.S_IFBLK if entry.kind is Kind.BLOCK_DEVICE else stat.S_IFCHR
        self._node(parts, entry, kind, os.makedev(*number))

    def _takes_device(self, entry: Entry) -> bool:
        """Whether the archive may hold the device."""
        return entry.kind is Kind.CHARACTER_DEVICE and (entry.major, entry.minor) in DEVICES

    def _fifo(self, parts: Parts, entry: Entry) -> None:
        self._node(parts, entry, stat.S_IFIFO, 0)

    def _node(self, parts: Parts, entry: Entry, kind: int, device: int) -> None:
        def make(parent: int, name: bytes) -> None:
            os.mknod(name, kind | 0o600, device, dir_fd=parent)
            _set_owner(parent, name, entry)
            os.chmod(name, entry.mode, dir_fd=parent)

        self.tree.create(parts, make)

    def _set_directory_times(self) -> None:
        """Last, since every file made in a directory changes its time."""
        for parts, mtime_ns in self._directory_times.items():
            parent = self.tree.parent(parts) if parts else self.tree.root
            name = parts[-1] if parts else b"."
            info = lstat(parent, name)
            if info is not None and stat.S_ISDIR(info.st_mode):  # else a later entry took its place
                os.utime(name, ns=(_possible(mtime_ns), _possible(mtime_ns)), dir_fd=parent, follow_symlinks=False)

    def _translated(self, error: OSError, name: str, kind: str) -> Exception:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return storage_full(self.space.folder, f"{name} did not fit")
        if error.errno in (errno.ENAMETOOLONG, errno.EFBIG, errno.E2BIG, errno.ERANGE, errno.EINVAL):
            return InvalidArchive(f"{name}: a name, size or attribute that the file system cannot hold")
        return KernelError(f"unpacking a {kind}", error.errno or 0, name)


_ACTIONS: dict[Kind, Callable[[Unpacker[Any], Parts, Entry], None]] = {
    Kind.DIRECTORY: Unpacker._directory,
    Kind.SYMLINK: Unpacker._symlink,
    Kind.HARD_LINK: Unpacker._hard_link,
    Kind.CHARACTER_DEVICE: Unpacker._device,
    Kind.BLOCK_DEVICE: Unpacker._device,
    Kind.FIFO: Unpacker._fifo,
}


def _set_owner(parent: int, name: bytes, entry: Entry) -> None:
    os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
    os.utime(name, ns=_times(entry), dir_fd=parent, follow_symlinks=False)


def _link(source: int, target: bytes, parent: int, name: bytes) -> None:
    os.link(target, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)


def _times(entry: Entry) -> tuple[int, int]:
    return _possible(entry.mtime_ns), _possible(entry.mtime_ns)


def _possible(time_ns: int) -> int:
    """The nearest time that a file system can hold."""
    return max(-_LAST_NS, min(time_ns, _LAST_NS))


def _shown(name: bytes) -> str:
    """A name from an archive, safe to print."""
    return ascii(name[:200].decode(errors="backslashreplace"))
