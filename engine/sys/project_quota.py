"""Project quotas: what all files of a project may take on a file system (quotactl(2), ioctl_xfs_fsgetxattr(2))."""

import ctypes
import errno
import fcntl
import os
import struct

from engine.errors import KernelError
from engine.sys.libc import syscall

_QUOTACTL_FD = 443
_Q_GETQUOTA, _Q_SETQUOTA = 0x800007, 0x800008
_PRJQUOTA = 2
_DQBLK = "=8QI4x"  # struct if_dqblk: limits in blocks of 1024 bytes, usage in bytes, which of them are valid
_QIF_BLIMITS = 1
_BLOCK_BYTES = 1024

_FS_IOC_FSGETXATTR, _FS_IOC_FSSETXATTR = 0x801C581F, 0x401C5820
_FSXATTR = "=5I8x"  # struct fsxattr: xflags, extsize, nextents, projid, cowextsize
_FS_XFLAG_PROJINHERIT = 0x200


def project_of(fd: int) -> int:
    """The project of what the descriptor is open on, 0 for none. Raises KernelError where there are no projects."""
    return _attributes(fd)[3]


def set_project(fd: int, project: int) -> None:
    """Give a folder to a project, and with it all that will be made in it. Raises KernelError."""
    flags, *rest = _attributes(fd)
    values = [flags | _FS_XFLAG_PROJINHERIT, *rest]
    values[3] = project
    _ioctl(fd, "FS_IOC_FSSETXATTR", _FS_IOC_FSSETXATTR, struct.pack(_FSXATTR, *values))


def limit_of(fd: int, project: int) -> tuple[int, int]:
    """Limit (0 is none) and use of a project on the descriptor's file system, in bytes. Raises KernelError."""
    try:
        values = struct.unpack(_DQBLK, _quotactl(fd, _Q_GETQUOTA, project, bytes(struct.calcsize(_DQBLK))))
    except KernelError as error:
        if error.errno == errno.ENOENT:  # xfs has never heard of it
            return 0, 0
        raise
    return values[0] * _BLOCK_BYTES, values[2]


def set_limit(fd: int, project: int, limit_bytes: int) -> None:
    """Limit what a project takes, rounded up to 1024 bytes; 0 takes the limit away. Raises KernelError."""
    blocks = -(-limit_bytes // _BLOCK_BYTES)
    _quotactl(fd, _Q_SETQUOTA, project, struct.pack(_DQBLK, blocks, blocks, *[0] * 6, _QIF_BLIMITS))


def _attributes(fd: int) -> tuple[int, ...]:
    return struct.unpack(
        _FSXATTR, _ioctl(fd, "FS_IOC_FSGETXATTR", _FS_IOC_FSGETXATTR, bytes(struct.calcsize(_FSXATTR)))
    )


def _ioctl(fd: int, name: str, request: int, argument: bytes) -> bytes:
    try:
        return fcntl.ioctl(fd, request, argument)
    except OSError as error:
        raise KernelError(f"ioctl {name}", error.errno or 0, os.readlink(f"/proc/self/fd/{fd}")) from error


def _quotactl(fd: int, command: int, project: int, argument: bytes) -> bytes:
    buffer = ctypes.create_string_buffer(argument, len(argument))
    path = os.readlink(f"/proc/self/fd/{fd}")
    syscall("quotactl_fd", _QUOTACTL_FD, fd, command << 8 | _PRJQUOTA, project, buffer, path=path)
    return buffer.raw
