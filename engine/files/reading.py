"""Reads files: as text to be shown, as they are, and folders as archives."""

import errno
import hashlib
import os
import stat
from collections.abc import Generator
from contextlib import ExitStack

from engine.errors import Conflict
from engine.files import text
from engine.files.addresses import join, path_of, shown
from engine.files.failures import telling
from engine.files.listing import stat_path
from engine.files.tree import Tree, open_regular
from engine.images.tar.pack import Packer
from engine.images.tar.stream_out import TarStream
from engine.rootfs.walk import Found, walk
from engine.spec.browsing import FileView
from engine.sys.filesystems import is_made_up

MOST_VIEWED = 1 << 20
_PIECE = 256 << 10


def view(tree: Tree, address: str) -> FileView:
    """The file's beginning, 1 MiB at most, a link at its end followed. Raises NotFound, InvalidSpec, Conflict."""
    path = path_of(address)
    entry = stat_path(tree, address)
    fd = _open(tree, path)
    try:
        with telling(tree.name, shown(path)):
            data = _beginning(fd, MOST_VIEWED + 1)
            is_writable = not os.fstatvfs(fd).f_flag & os.ST_RDONLY
    finally:
        os.close(fd)
    is_whole, data = len(data) <= MOST_VIEWED, data[:MOST_VIEWED]
    found = text.decode(data, is_whole=is_whole)
    content, encoding = found or ("", "")
    digest = digest_of(data) if is_whole else ""
    return FileView(entry, content, encoding, found is None, not is_whole, digest, text.image_type(data), is_writable)


def read(tree: Tree, address: str, resources: ExitStack) -> TarStream:
    """The file's bytes, a link at its end followed; `resources` go with the stream. Raises NotFound, Conflict."""
    path = path_of(address)
    resources.callback(os.close, fd := _open(tree, path))
    return TarStream(_pieces(fd), resources.pop_all())


def pack(tree: Tree, address: str, resources: ExitStack) -> TarStream:
    """The folder as a tar in which it has its own name, with what is mounted there but not what the kernel makes up."""
    path = path_of(address)
    resources.callback(os.close, folder := tree.open_folder(path))
    if is_made_up(folder, b"."):
        raise Conflict(f"{shown(path[:200])} is made up by the kernel.", hint="Its files can be read one by one.")
    return TarStream(_packed(tree, folder, tree.without_links(path).rpartition(b"/")[2]), resources.pop_all())


def digest_of(data: bytes) -> str:
    """What names these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _open(tree: Tree, path: bytes) -> int:
    """A descriptor to read the regular file by. Raises NotFound, InvalidSpec, Conflict for anything else."""
    peek = tree.peek(path)
    try:
        with telling(tree.name, shown(path)):
            fd = open_regular(peek)
        if fd is not None:
            return fd
        what = "a folder" if stat.S_ISDIR(os.fstat(peek).st_mode) else "no file with contents"
        raise Conflict(f"{shown(path[:200])} is {what}.", hint="Pipes, sockets and devices are never opened.")
    finally:
        os.close(peek)


def _beginning(fd: int, most: int) -> bytes:
    """The first bytes; files of the kernel's give less than is asked for, and say that they have no size."""
    pieces, size = [], 0
    while size < most and (piece := os.read(fd, most - size)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _pieces(fd: int) -> Generator[bytes, None, None]:
    while piece := _more(fd):
        yield piece


def _more(fd: int) -> bytes:
    try:
        return os.read(fd, _PIECE)
    except OSError as error:
        if error.errno == errno.EAGAIN:  # it would have to wait for news: that is its end for now
            return b""
        raise


def _packed(tree: Tree, folder: int, base: bytes) -> Generator[bytes, None, None]:
    packer, known = Packer(tree.ids), {os.fstat(folder).st_dev: True}

    def enters(found: Found) -> bool:
        """Whether its file system holds files of somebody's; each is asked about once."""
        device = found.info.st_dev
        if device not in known:
            known[device] = not is_made_up(found.folder, found.name)
        return known[device]

    if base:
        yield from packer.entry(base, Found(base, folder, b".", os.fstat(folder)))
    for found in walk(folder, enters=enters):
        yield from packer.entry(join(base, found.path) if base else found.path, found)
    yield packer.end()
