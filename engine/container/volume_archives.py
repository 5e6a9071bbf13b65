"""The files of a volume as a tar with all that belongs to them, and back."""

import errno
import io
import os
import stat
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

from engine.errors import InvalidArchive
from engine.images.limits import DiskSpace
from engine.images.tar.pack import Packer
from engine.images.tar.reader import Entry, TarReader
from engine.images.tar.root_tree import RootTree
from engine.images.tar.streams import DigestReader, Readable, buffered, compression_of, decompress, drain, reading
from engine.images.tar.unpack import Unpacker
from engine.rootfs.ids import Ids
from engine.rootfs.walk import Found, walk

SUFFIX = ".tar.zst"
_LEVEL = 3
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PREFIXES = ("user.", "trusted.", "security.", "system.posix_acl_")
_OF_THE_HOST = frozenset({"security.selinux", "security.ima", "security.evm", "security.apparmor"})
"""What this host's policies say of a file, and another's would not believe."""


def packed(data: Path, *, told: Callable[[int], None] = lambda count: None) -> Generator[bytes, None, None]:
    """What the folder holds, itself included, as a tar; what is mounted within is left out, and so are sockets.

    A file that changes meanwhile comes as long as it was when its turn came. `told` hears of every piece.
    """
    fd = os.open(data, _FOLDER)
    try:
        info = os.fstat(fd)
        packer = Packer(Ids(), carries=_is_carried)
        for piece in _pieces(packer, fd, info):
            told(len(piece))
            yield piece
    finally:
        os.close(fd)


def compressed(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """The same as one frame of zstd, with a checksum at its end."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
    for piece in pieces:
        if data := compressor.compress(piece):
            yield data
    yield compressor.flush()


def unpack(archive: Readable, data: Path, *, told: Callable[[int], None], takes_devices: bool) -> None:
    """Put what `archive` (plain, gzip or zstd) holds into the empty folder `data`, and make that like its root.

    `told` hears of every piece that was read; without `takes_devices` only those are taken that every container has.
    Raises InvalidArchive naming the entry, StorageFull.
    """
    fd = os.open(data, _FOLDER)
    try:
        with _VolumeTree.open(fd, "/", Ids()) as tree, reading("the archive"):
            stored = buffered(DigestReader(archive, on_read=told, is_hashed=False))
            plain = _stream(decompress(stored, compression_of(stored, "it")))
            tar = TarReader(plain)
            _VolumeUnpacker(tree, _space(data), takes_devices=takes_devices).unpack(tar)
            if not tar.has_end_marker:
                raise InvalidArchive("it has no end", hint="It was cut short: make or send it again.")
            drain(plain)
    finally:
        os.close(fd)


def _space(data: Path) -> DiskSpace:
    """A reserve stays free on the host's disk; a volume that is a disk of its own may be filled to the last byte."""
    host = data.parent.parent
    return DiskSpace(host) if os.stat(data).st_dev == os.stat(host).st_dev else _OwnDisk(data)


class _OwnDisk(DiskSpace):
    def use(self, count: int) -> None:
        """The kernel says when it is full."""


def _stream(source: Readable) -> io.BufferedReader:
    return buffered(DigestReader(source, on_read=lambda _: None, is_hashed=False))


def _pieces(packer: Packer, fd: int, info: os.stat_result) -> Iterator[bytes]:
    yield from packer.entry(b".", Found(b".", fd, b".", info))
    for found in walk(fd, enters=lambda found: found.info.st_dev == info.st_dev):
        if found.info.st_dev == info.st_dev or not stat.S_ISREG(found.info.st_mode):
            yield from packer.entry(found.path, found)
    yield packer.end()


def _is_carried(name: str) -> bool:
    return name.startswith(_PREFIXES) and name not in _OF_THE_HOST


class _VolumeTree(RootTree):
    """A volume may hold as many files as its disk."""

    def count_entry(self) -> None:
        self.entries += 1


@dataclass(kw_only=True)
class _VolumeUnpacker(Unpacker[_VolumeTree]):
    takes_devices: bool

    def _carries(self, name: str) -> bool:
        return _is_carried(name)

    def _set_attribute(self, fd: int, name: str, value: bytes) -> None:
        """What the file system knows nothing of is left out, but for rights that a file would lack."""
        try:
            super()._set_attribute(fd, name, value)
        except OSError as error:
            if error.errno != errno.ENOTSUP or name == "security.capability":
                raise

    def _takes_device(self, entry: Entry) -> bool:
        return self.takes_devices or super()._takes_device(entry)
