"""Whom the kernel takes the calling thread for when it makes files: setfsuid(2), setfsgid(2)."""

from engine.sys import capabilities
from engine.sys.libc import libc


def set_filesystem_ids(uid: int, gid: int) -> None:
    """Make files as `uid` and `gid` from here on, without losing a capability, in this thread alone."""
    effective, permitted, inheritable = capabilities.capget()
    libc.setfsgid(gid)
    libc.setfsuid(uid)  # takes the capabilities that concern files away from whoever was root
    capabilities.capset(effective, permitted, inheritable)
