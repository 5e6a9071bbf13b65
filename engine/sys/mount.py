"""Mounts: mount(2), pivot_root(2) and the file-descriptor based mount calls, under their own names."""

import ctypes
import struct

from engine.sys.libc import check, libc, syscall

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOSYMFOLLOW = 256
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_REC = 16384
MS_SILENT = 32768
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_I_VERSION = 1 << 23
MS_STRICTATIME = 1 << 24
MS_LAZYTIME = 1 << 25
MNT_DETACH = 2

MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4
MOUNT_ATTR_NOEXEC = 0x8
MOUNT_ATTR__ATIME = 0x70  # the field of the next three
MOUNT_ATTR_RELATIME = 0x0
MOUNT_ATTR_NOATIME = 0x10
MOUNT_ATTR_STRICTATIME = 0x20
MOUNT_ATTR_NODIRATIME = 0x80
MOUNT_ATTR_IDMAP = 0x100000
MOUNT_ATTR_NOSYMFOLLOW = 0x200000

OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = 0x80000
AT_RECURSIVE = 0x8000
AT_EMPTY_PATH = 0x1000
AT_FDCWD = -100
FSOPEN_CLOEXEC = 1
FSMOUNT_CLOEXEC = 1
FSCONFIG_SET_STRING = 1
FSCONFIG_CMD_CREATE = 6
MOVE_MOUNT_F_EMPTY_PATH = 4
MOVE_MOUNT_T_EMPTY_PATH = 0x40

# Since 5.2 every architecture gives new system calls the same numbers.
_OPEN_TREE, _MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT = 428, 429, 430, 431, 432
_MOUNT_SETATTR = 442

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


def open_tree_of(fd: int, flags: int, path: str) -> int:
    """open_tree(2) of what the descriptor `fd` is open on; `path` names it in an error."""
    return syscall("open_tree", _OPEN_TREE, fd, b"", flags | AT_EMPTY_PATH, path=path)


def move_mount(mount_fd: int, target: str) -> None:
    """move_mount(2): attach the detached mount `mount_fd` at `target`."""
    syscall("move_mount", _MOVE_MOUNT, mount_fd, b"", AT_FDCWD, target.encode(), MOVE_MOUNT_F_EMPTY_PATH, path=target)


def move_mount_onto(mount_fd: int, target_fd: int, path: str) -> None:
    """move_mount(2): attach the detached mount on the file or folder `target_fd` is open on, `path` in an error."""
    flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH
    syscall("move_mount", _MOVE_MOUNT, mount_fd, b"", target_fd, b"", flags, path=path)


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


def fsmount(context_fd: int, attributes: int = 0) -> int:
    """fsmount(2): a descriptor of a new, detached mount of the configured file system, with MOUNT_ATTR_* flags."""
    return syscall("fsmount", _FSMOUNT, context_fd, FSMOUNT_CLOEXEC, attributes)


def mount_setattr(path: str, *, attr_set: int) -> None:
    """mount_setattr(2) on one mount: add MOUNT_ATTR_* flags."""
    attributes = struct.pack("<4Q", attr_set, 0, 0, 0)
    syscall("mount_setattr", _MOUNT_SETATTR, AT_FDCWD, path.encode(), 0, attributes, len(attributes), path=path)


def mount_setattr_of(
    fd: int, flags: int, attr_set: int, attr_clr: int, propagation: int, path: str, user_namespace: int = 0
) -> None:
    """mount_setattr(2) on the mount `fd`, and all within with AT_RECURSIVE in `flags`; `path` names it in an error.

    `user_namespace` is the descriptor that MOUNT_ATTR_IDMAP goes by.
    """
    attributes = struct.pack("<4Q", attr_set, attr_clr, propagation, user_namespace)
    flags |= AT_EMPTY_PATH
    syscall("mount_setattr", _MOUNT_SETATTR, fd, b"", flags, attributes, len(attributes), path=path)
