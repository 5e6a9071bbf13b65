"""Runs this program from a read-only view of its own file, so that nobody who gets hold of that can write to it.

What a container is made to execute can be /proc/self/exe, which at that moment is the engine's interpreter; a process
inside may then keep that file open (CVE-2019-5736). A container without a user namespace has the host's root, whom the
file's mode does not stop, but a read-only mount does. The mount is a detached copy: there is no path to it.
"""

from __future__ import annotations

import os
import sys

from engine.sys import mount


def seal() -> None:
    """Execute this program once more from such a view, unless it runs from one. Raises KernelError."""
    if os.statvfs("/proc/self/exe").f_flag & os.ST_RDONLY:
        return
    path = os.readlink("/proc/self/exe")
    fd = mount.open_tree(path, mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC)
    mount.mount_setattr_of(fd, 0, mount.MS_RDONLY, 0, 0, path)
    os.execv(f"/proc/self/fd/{fd}", [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself
