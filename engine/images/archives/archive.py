"""An image archive opened for reading: a tar whose members can be read in any order.

The list of images may stand at the very end, so an archive that is compressed as a whole, or comes through a pipe, is
first written out plain into an unnamed file.
"""

import os
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.errors import InvalidArchive
from engine.images.documents import check_size
from engine.images.limits import MAXIMUM_DOCUMENTS_BYTES, MAXIMUM_MEMBERS, DiskSpace, check_growth
from engine.images.tar.reader import Entry, Kind, TarReader
from engine.images.tar.streams import (
    CHUNK,
    READ_AHEAD,
    Compression,
    DigestReader,
    OnRead,
    Section,
    buffered,
    compression_of,
    decompress,
    reading,
)

_LINKS_FOLLOWED = 8


@dataclass(frozen=True)
class ArchivedFile:
    """Where a member's data is in the archive, or the name of the member it is a link to."""

    start: int = 0
    size: int = 0
    link: str = ""


class Archive:
    """The members by name. `stored_bytes` is the archive's size as it came, compressed or not."""

    def __init__(self, file: BinaryIO, start: int, size: int, stored_bytes: int) -> None:
        self.stored_bytes = stored_bytes
        self._file, self._start = file, start
        self._members = _members(file, start, size)
        self._documents_bytes = 0

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def size(self, name: str) -> int:
        """Bytes of a member. Raises InvalidArchive where it is missing."""
        return self._get(name).size

    def open(self, name: str) -> Section:
        """A member's data as a stream."""
        member = self._get(name)
        return Section(self._file, self._start + member.start, member.size)

    def read(self, name: str) -> bytes:
        """A small member, such as a manifest, whole."""
        member = self._get(name)
        check_size(ascii(name[:100]), member.size)
        self._documents_bytes += member.size
        if self._documents_bytes > MAXIMUM_DOCUMENTS_BYTES:
            raise InvalidArchive(f"the archive has more than {MAXIMUM_DOCUMENTS_BYTES} bytes of documents")
        self._file.seek(self._start + member.start)
        return self._file.read(member.size)

    def _get(self, name: str) -> ArchivedFile:
        member = self._find(name)
        if member is None:
            raise InvalidArchive(f"the archive holds no {name[:200]!a}", hint="It is incomplete; make it again.")
        return member

    def _find(self, name: str) -> ArchivedFile | None:
        for _ in range(_LINKS_FOLLOWED):
            member = self._members.get(posixpath.normpath(name))
            if member is None or not member.link:
                return member
            name = member.link
        return None


@contextmanager
def open_archive(source: BinaryIO, folder: Path, space: DiskSpace, *, on_read: OnRead) -> Iterator[Archive]:
    """Open an archive, plain, gzip or zstd, from a file or a pipe; `folder` takes the plain copy if one is needed.

    Raises InvalidArchive, StorageFull. The caller keeps `source` open while the archive is used.
    """
    with tempfile.TemporaryFile(dir=folder) as copy:
        with reading("the archive"):
            archive = _in_place(source) or _written_out(source, copy, space, on_read)
        yield archive


def _in_place(source: BinaryIO) -> Archive | None:
    if not source.seekable():
        return None
    start = source.tell()
    size = source.seek(0, os.SEEK_END) - start
    if compression_of(buffered(Section(source, start, size)), "it") is Compression.NONE:
        return Archive(source, start, size, size)
    source.seek(start)
    return None


def _written_out(source: BinaryIO, copy: BinaryIO, space: DiskSpace, on_read: OnRead) -> Archive:
    stored = DigestReader(source, on_read=on_read)
    stream = buffered(stored, READ_AHEAD)
    plain = decompress(stream, compression_of(stream, "it"))
    size = 0
    while data := plain.read(CHUNK):
        size += len(data)
        check_growth(stored.count, size)
        space.use(len(data))
        copy.write(data)
    return Archive(copy, 0, size, stored.count)


def _members(file: BinaryIO, start: int, size: int) -> dict[str, ArchivedFile]:
    stream = buffered(Section(file, start, size))
    members: dict[str, ArchivedFile] = {}
    for entry in TarReader(stream):
        member = _member(entry, stream.tell())
        if member is not None:
            members[posixpath.normpath(os.fsdecode(entry.name))] = member
            if member.start + member.size > size:
                raise InvalidArchive("it is cut short", hint="Upload or copy it again.")
        if len(members) > MAXIMUM_MEMBERS:
            raise InvalidArchive(f"it has more than {MAXIMUM_MEMBERS} members")
    return members


def _member(entry: Entry, start: int) -> ArchivedFile | None:
    if entry.kind is Kind.FILE:
        if entry.segments is not None:
            raise InvalidArchive("it holds sparse files", hint="Make it without tar's --sparse.")
        return ArchivedFile(start, entry.size)
    target = os.fsdecode(entry.target)
    if entry.kind is Kind.SYMLINK:  # `docker save` once linked equal layers to each other
        return ArchivedFile(link=posixpath.join(posixpath.dirname(os.fsdecode(entry.name)), target))
    return ArchivedFile(link=target) if entry.kind is Kind.HARD_LINK else None
