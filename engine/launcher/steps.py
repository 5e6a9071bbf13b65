"""What a container's first process does in its new root, step by step as the plan says: mounts, devices, masks.

Absolute paths, and the links an image may hold in them, end in the new root. Paths that anybody else may change at this
very moment are taken by descriptor (`targets.py`).
"""

from __future__ import annotations

import errno
import os
import stat

from engine.errors import KernelError
from engine.launcher import program, targets
from engine.sys import mount, network
from engine.sys.copy_tree import copy_tree
from engine.sys.libc import syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.launcher.sources import Opened


def _mkdir(path: str, mode: int) -> None:
    """Make the folder, and its parents where missing; what is there must be a folder, not a link to one."""
    try:
        os.mkdir(path, mode)
    except FileNotFoundError:
        _mkdir(os.path.dirname(path), mode)
        os.mkdir(path, mode)
    except FileExistsError:
        if os.path.islink(path) or not os.path.isdir(path):
            raise KernelError("mkdir", errno.ENOTDIR, path) from None


def _make_cwd(path: str) -> None:
    """Make the working directory where it is missing; an image's links may lead there, none leads out of the root."""
    os.close(targets.open_target(path, is_folder=True))


def _mount_if_there(source: str, target: str, fstype: str, flags: int, data: str) -> None:
    try:
        mount.mount(source, target, fstype, flags, data)
    except KernelError as error:
        if error.errno != errno.ENOENT:
            raise


def _attach_source(source: Opened, target: str) -> None:
    """Put a source of the plan, and what is mounted within, in its place."""
    attach(source.fd, target)
    for place, fd in source.within:
        attach(fd, f"{target}/{place}")


def attach(mount_fd: int, target: str) -> None:
    """Put a detached mount in its place, a file on a file, a folder on a folder."""
    target_fd = targets.open_target(target, is_folder=stat.S_ISDIR(os.fstat(mount_fd).st_mode))
    try:
        mount.move_mount_onto(mount_fd, target_fd, target)
    finally:
        os.close(target_fd)
        os.close(mount_fd)


def _attach_devices(devices_fd: int) -> None:
    """Put the `/dev` that stands ready in its place, over whatever the image has there."""
    _mkdir("/dev", 0o755)
    mount.move_mount(devices_fd, "/dev")
    os.close(devices_fd)


def _mount_on(source: str, target: str, fstype: str, flags: int, data: str, propagation: int) -> None:
    """Mount a file system on a folder that anything may be in the way to; made where it is missing.

    mount(2) takes paths only: the folder is made the working directory, and named `.`.
    """
    os.fchdir(target_fd := targets.open_target(target, is_folder=True))
    os.close(target_fd)
    mount.mount(source, ".", fstype, flags, data)
    if propagation:
        os.fchdir(mounted := targets.open_target(target, is_folder=True))
        os.close(mounted)
        mount.mount("", ".", "", propagation, "")


def _mount_copying_up(source: str, target: str, fstype: str, flags: int, data: str, propagation: int) -> None:
    """`_mount_on`, then fill the new file system with what it covers."""
    covered = targets.open_target(target, is_folder=True)
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=covered)
    _mount_on(source, target, fstype, flags & ~mount.MS_RDONLY, data, propagation)
    fresh = targets.open_target(target, is_folder=True)
    try:
        copy_tree(readable, fresh)
        os.fchdir(fresh)
        if flags & mount.MS_RDONLY:
            mount.mount("", ".", "", mount.MS_REMOUNT | mount.MS_BIND | flags, "")
    finally:
        for fd in (covered, readable, fresh):
            os.close(fd)


def _device(path: str, mode: int, number: int, uid: int, gid: int) -> None:
    """Make a device node or pipe with its parents; the same device stays if it is there already."""
    parent = targets.open_target(os.path.dirname(path), is_folder=True)
    name = os.path.basename(path)
    try:
        os.mknod(name, mode, number, dir_fd=parent)
        os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
    except FileExistsError:
        _check_same(os.stat(name, dir_fd=parent, follow_symlinks=False), mode, number, path)
    except OSError as error:
        raise KernelError("mknod", error.errno or 0, path) from None
    finally:
        os.close(parent)


def _usual_device(path: str, mode: int, number: int) -> None:
    """`_device` in a `/dev` that is the container's own or its image's."""
    try:
        os.mknod(path, mode, number)
    except FileExistsError:
        _check_same(os.lstat(path), mode, number, path)
    except OSError as error:
        raise KernelError("mknod", error.errno or 0, path) from None


def _check_same(there: os.stat_result, mode: int, number: int, path: str) -> None:
    """What is in the way must be the device that is wanted (runtime-spec config-linux.md, "Devices")."""
    if stat.S_IFMT(there.st_mode) != stat.S_IFMT(mode) or (there.st_rdev != number and not stat.S_ISFIFO(mode)):
        raise KernelError("mknod", errno.EEXIST, path)


def _symlink(target: str, path: str) -> None:
    try:
        os.symlink(target, path)
    except FileExistsError:
        return  # the image, or whoever gave the container its /dev, knows better


def _mask(path: str) -> None:
    """Hide a file behind /dev/null, a folder behind an empty read-only file system; what is not there needs no mask."""
    if os.path.isdir(path):
        mount.mount("tmpfs", path, "tmpfs", mount.MS_RDONLY, "size=0k")
    else:
        _mount_if_there("/dev/null", path, "", mount.MS_BIND, "")


def _mask_found(null: Opened, path: str) -> None:
    """`_mask` where the path, or the container's own /dev/null, may be changed by somebody at this very moment."""
    found = targets.open_existing(path)
    if found is not None and stat.S_ISDIR(os.fstat(found).st_mode):
        os.fchdir(found)
        mount.mount("tmpfs", ".", "tmpfs", mount.MS_RDONLY, "size=0k")
    elif found is not None:
        mount.move_mount_onto(null.fd, found, path)
    os.close(null.fd)


def _read_only_found(path: str, flags: int) -> None:
    """`_read_only` where the path may be changed by somebody at this very moment."""
    found = targets.open_existing(path)
    if found is None:
        return
    copy = mount.open_tree_of(found, mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | mount.AT_RECURSIVE, path)
    mount.mount_setattr_of(copy, 0, mount.MOUNT_ATTR_RDONLY | flags, 0, 0, path)
    mount.move_mount_onto(copy, found, path)
    os.close(copy)
    os.close(found)


def _read_only(path: str, flags: int) -> None:
    """Bind the path onto itself, read-only; what is not there needs no protection."""
    if os.path.exists(path):
        mount.mount(path, path, "", mount.MS_BIND | mount.MS_REC, "")
        mount.mount("", path, "", mount.MS_BIND | mount.MS_REMOUNT | mount.MS_RDONLY | flags, "")


DEVICES = "attach_devices"
"""The step that gets the descriptor of the `/dev` that stands ready."""

WITH_SOURCE = ("attach", "mask_found")
"""Steps whose first argument is the place of a source in the plan's list; they get it opened."""

STEPS: dict[str, Callable[..., object]] = {
    "mkdir": _mkdir,
    "make_cwd": _make_cwd,
    "mount": mount.mount,
    "mount_on": _mount_on,
    "mount_copying_up": _mount_copying_up,
    "attach": _attach_source,
    DEVICES: _attach_devices,
    "loopback_up": network.loopback_up,
    "mknod": _usual_device,
    "device": _device,
    "symlink": _symlink,
    "syscall": syscall,
    "write": program.write,
    "mask": _mask,
    "mask_found": _mask_found,
    "read_only_found": _read_only_found,
    "read_only": _read_only,
    "read_only_root": lambda: mount.mount_setattr("/", attr_set=mount.MOUNT_ATTR_RDONLY),
}
"""By name, what a plan may ask to be done in the new root before the old one goes."""
