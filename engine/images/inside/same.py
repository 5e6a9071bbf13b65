"""Whether two layers hold the same under a path: images built twice have many files that only seem to differ."""

import os
import stat
from contextlib import ExitStack

from engine.images.inside.merged import Node
from engine.images.tar.reader import CHUNK
from engine.rootfs.attributes import is_carried
from engine.rootfs.walk import open_folder


def is_changed(path: bytes, before: Node, after: Node) -> bool:
    """By type, mode, owner, content and attributes; times do not count, as no two builds have the same."""
    old, new = before.info, after.info
    if (old.st_mode, old.st_uid, old.st_gid, old.st_rdev) != (new.st_mode, new.st_uid, new.st_gid, new.st_rdev):
        return True
    if not (stat.S_ISREG(old.st_mode) or stat.S_ISLNK(old.st_mode)):
        return False
    if old.st_size != new.st_size:
        return True
    with ExitStack() as stack:
        places = [_folder(stack, node, path) for node in (before, after)]
        name = path.rpartition(b"/")[2]
        if stat.S_ISLNK(old.st_mode):
            return os.readlink(name, dir_fd=places[0]) != os.readlink(name, dir_fd=places[1])
        files = [_file(stack, place, name) for place in places]
        return _attributes(files[0]) != _attributes(files[1]) or not _is_equal(files[0], files[1])


def _folder(stack: ExitStack, node: Node, path: bytes) -> int:
    folder = open_folder(node.layers[0], path.rpartition(b"/")[0])
    if folder is None:
        raise FileNotFoundError(f"a layer lost the folder of {os.fsdecode(path)!r} while it was read")
    stack.callback(os.close, folder)
    return folder


def _file(stack: ExitStack, folder: int, name: bytes) -> int:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    stack.callback(os.close, fd)
    return fd


def _attributes(fd: int) -> dict[str, bytes]:
    return {name: os.getxattr(fd, name) for name in os.listxattr(fd) if is_carried(name)}


def _is_equal(old: int, new: int) -> bool:
    while True:
        pieces = os.read(old, CHUNK), os.read(new, CHUNK)
        if pieces[0] != pieces[1]:
            return False
        if not pieces[0]:
            return True
