"""Mounts: mount(2), pivot_root(2) and the file-descriptor based mount calls, under their own names."""

import ctypes
import struct

from engine.sys.libc import check, libc, syscall

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_STRICTATIME = 1 << 24
MNT_DETACH = 2

OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = 0x80000
AT_RECURSIVE = 0x8000
AT_FDCWD = -100
FSOPEN_CLOEXEC = 1
FSMOUNT_CLOEXEC = 1
FSCONFIG_SET_STRING = 1
FSCONFIG_CMD_CREATE = 6
MOVE_MOUNT_F_EMPTY_PATH = 4

# Since 5.2 every architecture gives new system calls the same numbers.
_OPEN_TREE, _MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT = 428, 429, 430, 431, 432

libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
libc.pivot_root.argtypes = [ctypes.c_char_p, ctypes.c_char_p]


def mount(source: str, target: str, fstype: str, flags: int, data: str) -> None:
    """mount(2). Raises KernelError."""
    result = libc.mount(source.encode(), target.encode(), fstype.encode(), flags, data.encode())
    check(result, f"mount {fstype or 'bind'}", target)


def umount2(target: str, flags: int) -> None:
    """umount2(2). Raises KernelError."""
    check(libc.umount2(target.encode(), flags), "umount2", target)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2). Raises KernelError."""
    check(libc.pivot_root(new_root.encode(), put_old.encode()), "pivot_root", new_root)


def open_tree(path: str, flags: int) -> int:
    """open_tree(2): a descriptor of the mount at `path`, a detached copy with OPEN_TREE_CLONE."""
    return syscall("open_tree", _OPEN_TREE, AT_FDCWD, path.encode(), flags, path=path)


def move_mount(mount_fd: int, target: str) -> None:
    """move_mount(2): attach the detached mount `mount_fd` at `target`."""
    syscall("move_mount", _MOVE_MOUNT, mount_fd, b"", AT_FDCWD, target.encode(), MOVE_MOUNT_F_EMPTY_PATH, path=target)


def fsopen(fstype: str) -> int:
    """fsopen(2): a file system context to configure."""
    return syscall("fsopen", _FSOPEN, fstype.encode(), FSOPEN_CLOEXEC, path=fstype)


def fsconfig_set_string(context_fd: int, key: str, value: str) -> None:
    """fsconfig(2) FSCONFIG_SET_STRING; the kernel takes values of at most 255 bytes."""
    arguments = (context_fd, FSCONFIG_SET_STRING, key.encode(), value.encode(), 0)
    syscall("fsconfig", _FSCONFIG, *arguments, path=f"{key}={value}")


def fsconfig_create(context_fd: int) -> None:
    """fsconfig(2) FSCONFIG_CMD_CREATE: make the superblock."""
    syscall("fsconfig create", _FSCONFIG, context_fd, FSCONFIG_CMD_CREATE, None, None, 0)


def fsmount(context_fd: int) -> int:
    """fsmount(2): a descriptor of a new, detached mount of the configured file system."""
    return syscall("fsmount", _FSMOUNT, context_fd, FSMOUNT_CLOEXEC, 0)


def mount_setattr(path: str, *, attr_set: int) -> None:
    """mount_setattr(2) on one mount: add MOUNT_ATTR_* flags."""
    attributes = ctypes.create_string_buffer(struct.pack("<4Q", attr_set, 0, 0, 0))
    syscall("mount_setattr", 442, AT_FDCWD, path.encode(), 0, attributes, 32, path=path)
