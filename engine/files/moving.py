"""Moves files and folders within a tree, also where the kernel would rather have them copied."""

import errno
import os
import stat
from contextlib import suppress

from engine.errors import Conflict, KernelError
from engine.files.addresses import path_of, shown
from engine.files.removing import removable
from engine.files.tree import Spot, Tree, open_beneath, open_regular
from engine.files.writing import temporary
from engine.sys.copy_tree import copy_tree, dress
from engine.sys.remove_tree import remove_tree_at
from engine.sys.renaming import rename_new

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST_PIECE = 1 << 30


def move(tree: Tree, address: str, target: str) -> None:
    """Give what is under `address` the path `target`, where nothing is yet. Raises NotFound, InvalidSpec, Conflict."""
    path, new_path = path_of(address), path_of(target, "target")
    with tree.changing(path) as old, tree.changing(new_path) as new:
        if old.lstat() is None:
            raise FileNotFoundError(errno.ENOENT, "it is not there")
        if old.is_mount():
            raise Conflict(f"Something is mounted on {shown(path[:200])}.", hint="Move what lies in it instead.")
        if new.lstat() is not None:
            raise Conflict(f"{shown(new_path[:200])} is there already.", hint="Choose another name.")
        try:
            rename_new(old.folder, old.name, new.folder, new.name)
        except KernelError as error:
            # Also of a folder that an image brought: overlayfs does not rename those.
            if error.errno != errno.EXDEV:
                raise
            _copy(tree, address, old, new)


def _copy(tree: Tree, address: str, old: Spot, new: Spot) -> None:
    if mounts := removable(tree, [address]).mounts:
        raise Conflict(f"Something is mounted on {mounts[0]}.", hint="A folder with mounts in it cannot be moved.")
    name = temporary()
    info = os.stat(old.name, dir_fd=old.folder, follow_symlinks=False)
    is_folder = stat.S_ISDIR(info.st_mode)
    try:
        if is_folder:
            _copy_folder(old, Spot(new.folder, name))
        else:
            _copy_entry(old, Spot(new.folder, name), info)
        rename_new(new.folder, name, new.folder, new.name)
    except BaseException:
        _take_away(Spot(new.folder, name), is_folder=is_folder)
        raise
    _take_away(old, is_folder=is_folder)


def _take_away(spot: Spot, *, is_folder: bool) -> None:
    if is_folder:
        remove_tree_at(spot.folder, spot.name, stays_on_mount=True)
    else:
        with suppress(FileNotFoundError):
            os.unlink(spot.name, dir_fd=spot.folder)


def _copy_folder(old: Spot, new: Spot) -> None:
    os.mkdir(new.name, 0o700, dir_fd=new.folder)
    source, target = open_beneath(old.folder, old.name), open_beneath(new.folder, new.name)
    try:
        copy_tree(source, target)
    finally:
        os.close(source)
        os.close(target)


def _copy_entry(old: Spot, new: Spot, info: os.stat_result) -> None:
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(old.name, dir_fd=old.folder), new.name, dir_fd=new.folder)
        os.chown(new.name, info.st_uid, info.st_gid, dir_fd=new.folder, follow_symlinks=False)
        return
    peek = os.open(old.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=old.folder)
    try:
        source = open_regular(peek)
    finally:
        os.close(peek)
    if source is None:
        raise Conflict(f"{shown(old.name)} is no file with contents.", hint="It stays on its own file system.")
    try:
        target = os.open(new.name, _NEW, 0o600, dir_fd=new.folder)
        try:
            while os.sendfile(target, source, None, _LARGEST_PIECE):
                pass
            dress(source, target)
        finally:
            os.close(target)
    finally:
        os.close(source)
