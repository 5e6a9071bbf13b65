"""Capabilities of the calling thread: capset(2) and the bounding set (capabilities(7))."""

import ctypes
import struct

from engine.sys.libc import check, libc
from engine.sys.process import PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, PR_CAP_AMBIENT_RAISE, PR_CAPBSET_DROP, prctl

_LINUX_CAPABILITY_VERSION_3 = 0x20080522


def last_cap() -> int:
    """The highest capability number this kernel knows."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        return int(file.read())


def bounding() -> int:
    """The caller's own bounding set, a bit mask (proc_pid_status(5))."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith("CapBnd:"))


def drop_bounding(keep: int, last: int) -> None:
    """Take every capability that is not in the bit mask `keep` out of the bounding set."""
    call = libc.prctl  # some thirty times at each start: without the wrapper
    for number in range(last + 1):
        if not keep >> number & 1:
            check(call(PR_CAPBSET_DROP, number, 0, 0, 0), "prctl PR_CAPBSET_DROP")


def capget() -> tuple[int, int, int]:
    """capget(2) of the calling thread: the effective, the permitted and the inheritable set, as bit masks."""
    header, data = struct.pack("<Ii", _LINUX_CAPABILITY_VERSION_3, 0), ctypes.create_string_buffer(24)
    check(libc.capget(header, data), "capget")
    low = struct.unpack("<6I", data.raw)
    effective, permitted, inheritable = (low[index] | low[index + 3] << 32 for index in range(3))
    return effective, permitted, inheritable


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """capset(2) with three bit masks; the ambient set is cleared."""
    header = struct.pack("<Ii", _LINUX_CAPABILITY_VERSION_3, 0)
    low = (effective & 0xFFFFFFFF, permitted & 0xFFFFFFFF, inheritable & 0xFFFFFFFF)
    data = struct.pack("<6I", *low, effective >> 32, permitted >> 32, inheritable >> 32)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    check(libc.capset(header, data), "capset")


def raise_ambient(mask: int, last: int) -> None:
    """Have the capabilities of the bit mask, each permitted and inheritable, survive execve(2) without being root."""
    for number in range(last + 1):
        if mask >> number & 1:
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)
