"""The one thing done to a container's new network: bring loopback up (netdevice(7))."""

import ctypes
import os
import struct

from engine.sys.libc import check, libc

_AF_INET, _SOCK_DGRAM_CLOEXEC = 2, 2 | 0x80000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def loopback_up() -> None:
    """Set IFF_UP on `lo` in the network namespace of the caller."""
    control = check(libc.socket(_AF_INET, _SOCK_DGRAM_CLOEXEC, 0), "socket")
    try:
        request = struct.pack("<16sH22x", b"lo", _IFF_UP)
        check(libc.ioctl(control, ctypes.c_ulong(_SIOCSIFFLAGS), request), "ioctl SIOCSIFFLAGS", "lo")
    finally:
        os.close(control)
