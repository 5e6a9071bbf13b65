"""Writes a file whole or not at all: under another name beside its place, then in its place by one rename."""

import errno
import os
import secrets
import stat
from contextlib import suppress
from typing import BinaryIO

from engine.errors import Conflict
from engine.files.addresses import path_of, shown
from engine.files.reading import MOST_VIEWED, digest_of
from engine.files.tree import Spot, Tree, open_regular
from engine.images.limits import DiskSpace
from engine.rootfs.attributes import ACLS
from engine.sys.renaming import rename_new

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1 << 20
_MODE = 0o644
_FOLDER_MODE = 0o755


def put(tree: Tree, address: str, source: BinaryIO, *, replaces: bool, digest: str) -> None:
    """Make the file hold what `source` gives; links are followed, within the tree.

    A file that is there keeps its owner and mode; it must have `digest` if that is given, and be allowed to be replaced
    (`replaces`). A new one belongs to root. Raises NotFound, InvalidSpec, Conflict, StorageFull.
    """
    path = tree.without_links(path_of(address))
    with tree.changing(path) as spot:
        before = spot.lstat()
        _check(spot, before, shown(path), replaces=replaces, digest=digest)
        if before is not None and spot.is_mount():
            _write_in_place(tree, spot, source)
        else:
            _replace(tree, spot, source, before)


def make_folder(tree: Tree, address: str) -> None:
    """Make an empty folder where nothing is. Raises NotFound, InvalidSpec, Conflict, StorageFull."""
    with tree.changing(path_of(address)) as spot:
        os.mkdir(spot.name, _FOLDER_MODE, dir_fd=spot.folder)
        os.chmod(spot.name, _FOLDER_MODE, dir_fd=spot.folder)


def temporary() -> bytes:
    """A name for what is not finished."""
    return b".moorage-" + secrets.token_hex(8).encode()


def _check(spot: Spot, before: os.stat_result | None, path: str, *, replaces: bool, digest: str) -> None:
    if before is None:
        if digest:
            raise Conflict(f"{path} was removed since it was read.", hint="Save it without the digest to make it anew.")
        return
    if not stat.S_ISREG(before.st_mode):
        what = "a folder" if stat.S_ISDIR(before.st_mode) else "no regular file"
        raise Conflict(f"{path} is {what}.", hint="Choose another name, or remove it first.")
    if not replaces:
        raise Conflict(f"{path} is there already.", hint="Choose another name, or say that it may be replaced.")
    if digest and _digest(spot) != digest:
        raise Conflict(f"{path} was changed since it was read.", hint="Read it again, or save it under another name.")


def _digest(spot: Spot) -> str:
    """Of what is there now; of what is larger than can be edited, nothing that could be equal."""
    peek = os.open(spot.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=spot.folder)
    try:
        fd = open_regular(peek)
    finally:
        os.close(peek)
    if fd is None:
        return ""
    with open(fd, "rb") as file:
        data = file.read(MOST_VIEWED + 1)
    return digest_of(data) if len(data) <= MOST_VIEWED else ""


def _replace(tree: Tree, spot: Spot, source: BinaryIO, before: os.stat_result | None) -> None:
    name = temporary()
    fd, is_nameless = _create(spot, name)
    try:
        try:
            _copy(tree, source, fd)
            if before is None:
                os.fchmod(fd, _MODE)
            else:
                _dress(spot, fd, before)
            os.fsync(fd)
            if is_nameless:
                os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=spot.folder, follow_symlinks=True)
        finally:
            os.close(fd)
        if before is None:
            rename_new(spot.folder, name, spot.folder, spot.name)
        else:
            os.rename(name, spot.name, src_dir_fd=spot.folder, dst_dir_fd=spot.folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=spot.folder)
        raise


def _create(spot: Spot, name: bytes) -> tuple[int, bool]:
    """A new file beside the place; without a name where the file system can, so that nothing stays of a broken end."""
    try:
        return os.open(b".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=spot.folder), True
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise
        return os.open(name, _NEW, 0o600, dir_fd=spot.folder), False


def _write_in_place(tree: Tree, spot: Spot, source: BinaryIO) -> None:
    """A file that is mounted, as /etc/hosts is in containers: nothing else can take its place."""
    peek = os.open(spot.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=spot.folder)
    try:
        if not stat.S_ISREG(os.fstat(peek).st_mode):
            raise Conflict(f"{shown(spot.name)} was changed by somebody meanwhile.", hint="Try again.")
        fd = os.open(f"/proc/self/fd/{peek}", os.O_WRONLY | os.O_TRUNC | os.O_NOCTTY | os.O_CLOEXEC)
    finally:
        os.close(peek)
    try:
        _copy(tree, source, fd)
    finally:
        os.close(fd)


def _copy(tree: Tree, source: BinaryIO, fd: int) -> None:
    space = DiskSpace(tree.disk)
    while piece := source.read(_PIECE):
        space.use(len(piece))
        view = memoryview(piece)
        while view:
            view = view[os.write(fd, view) :]


def _dress(spot: Spot, fd: int, before: os.stat_result) -> None:
    """Owner, mode and access lists of the file that is replaced; not its capabilities, as for any file written to."""
    os.fchown(fd, before.st_uid, before.st_gid)
    os.fchmod(fd, stat.S_IMODE(before.st_mode))
    path = b"/proc/self/fd/%d/%s" % (spot.folder, spot.name)
    for name in os.listxattr(path, follow_symlinks=False):
        if name in ACLS or name.startswith("user."):
            os.setxattr(fd, name, os.getxattr(path, name, follow_symlinks=False))
