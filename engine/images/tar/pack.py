"""Packs files of a tree into the bytes of a tar, however they change meanwhile: what was announced is what comes.

Files are looked at before they are opened, by a descriptor that opens nothing (O_PATH): a device or a pipe that was put
in a file's place is noticed, not touched.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping

from engine.images.tar.reader import CHUNK, MAXIMUM_SEGMENTS, Entry, Kind
from engine.images.tar.writer import END, header, padding, stored_bytes
from engine.rootfs.attributes import is_carried
from engine.rootfs.ids import Ids
from engine.rootfs.walk import Found

_PEEK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC
_NO_ATTRIBUTES = (errno.ENOTSUP, errno.ENOENT, errno.EACCES)
_KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
    stat.S_IFIFO: Kind.FIFO,
}


class Packer:
    """Makes one archive. `ids` tells how owners are seen from inside, `carries` which extended attributes come."""

    def __init__(self, ids: Ids, *, carries: Callable[[str], bool] = is_carried) -> None:
        self._ids = ids
        self._carries = carries
        self._names: dict[tuple[int, int], bytes] = {}

    def entry(self, name: bytes, found: Found) -> Iterator[bytes]:
        """`found` under the name `name`; nothing for a socket, as no archive holds one, or for what has vanished."""
        kind = _KINDS.get(stat.S_IFMT(found.info.st_mode))
        if kind is Kind.FILE:
            yield from self._file(name, found)
        elif kind is not None:
            target = _link_target(found) if kind is Kind.SYMLINK else b""
            if target is not None:
                yield header(self._entry(name, kind, found, found.info, target=target))

    def marker(self, name: bytes) -> bytes:
        """An empty file whose name says it all."""
        return header(Entry(name, Kind.FILE, 0o644, 0, 0, 0, 0, b"", 0, 0, {}, None))

    def end(self) -> bytes:
        """What closes the archive."""
        return END

    def _file(self, name: bytes, found: Found) -> Iterator[bytes]:
        fd = _open_file(found)
        if fd is None:
            return
        try:
            info = os.fstat(fd)
            first = self._names.setdefault((info.st_dev, info.st_ino), name) if info.st_nlink > 1 else name
            if first != name:
                yield header(self._entry(name, Kind.HARD_LINK, found, info, target=first))
                return
            entry = self._entry(name, Kind.FILE, found, info, size=info.st_size, segments=_segments(fd, info))
            yield header(entry)
            yield from _data(fd, entry)
        finally:
            os.close(fd)

    def _entry(
        self,
        name: bytes,
        kind: Kind,
        found: Found,
        info: os.stat_result,
        *,
        target: bytes = b"",
        size: int = 0,
        segments: tuple[tuple[int, int], ...] | None = None,
    ) -> Entry:
        is_device = kind in (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE)
        return Entry(
            name=name,
            kind=kind,
            mode=stat.S_IMODE(info.st_mode),
            uid=self._ids.users.to_inside(info.st_uid),
            gid=self._ids.groups.to_inside(info.st_gid),
            mtime_ns=info.st_mtime_ns,
            size=size,
            target=target,
            major=os.major(info.st_rdev) if is_device else 0,
            minor=os.minor(info.st_rdev) if is_device else 0,
            xattrs=self._attributes(found) if kind in (Kind.FILE, Kind.DIRECTORY) else {},
            segments=segments,
        )

    def _attributes(self, found: Found) -> Mapping[str, bytes]:
        path = b"/proc/self/fd/%d/%s" % (found.folder, found.name)
        try:
            names = sorted(filter(self._carries, os.listxattr(path, follow_symlinks=False)))
            values = {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
        except OSError as error:
            if error.errno in (*_NO_ATTRIBUTES, errno.ENODATA):
                return {}
            raise
        return {name: self._ids.attribute_to_inside(name, value) for name, value in values.items()}


def _link_target(found: Found) -> bytes | None:
    try:
        return os.readlink(found.name, dir_fd=found.folder)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL):  # it is gone, or something else by now
            return None
        raise


def _open_file(found: Found) -> int | None:
    """A descriptor to read the regular file by, None where it is one no more."""
    try:
        peek = os.open(found.name, _PEEK, dir_fd=found.folder)
    except FileNotFoundError:
        return None
    try:
        return os.open(f"/proc/self/fd/{peek}", _READ) if stat.S_ISREG(os.fstat(peek).st_mode) else None
    finally:
        os.close(peek)


def _segments(fd: int, info: os.stat_result) -> tuple[tuple[int, int], ...] | None:
    """Where the file has data, None for one without holes worth telling of."""
    if info.st_blocks * 512 >= info.st_size:
        return None
    segments: list[tuple[int, int]] = []
    start = 0
    while start < info.st_size and len(segments) <= MAXIMUM_SEGMENTS:
        try:
            start = os.lseek(fd, start, os.SEEK_DATA)
            end = min(os.lseek(fd, start, os.SEEK_HOLE), info.st_size)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole from here on
                break
            raise
        if end <= start:
            break
        segments.append((start, end - start))
        start = end
    return tuple(segments) if len(segments) <= MAXIMUM_SEGMENTS else None


def _data(fd: int, entry: Entry) -> Iterator[bytes]:
    """The bytes that the header announced; zeros in place of what was cut off the file meanwhile."""
    for start, length in ((0, entry.size),) if entry.segments is None else entry.segments:
        position, end = start, start + length
        while position < end:
            data = os.pread(fd, min(CHUNK, end - position), position) or bytes(min(CHUNK, end - position))
            position += len(data)
            yield data
    yield padding(stored_bytes(entry))
