"""Opens what of the host is mounted in a container: as detached copies, so that only their descriptors go inside."""

from __future__ import annotations

import errno
import os

from engine.errors import KernelError
from engine.launcher import root
from engine.sys import mount, process
from engine.sys.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def open_sources(sources: list[list[Any]], user_namespace: int, host_mounts: int) -> list[int]:
    """Descriptors of all sources of a plan, looked for in the mount namespace `host_mounts`. Raises KernelError.

    Their ids are shifted by the descriptor `user_namespace` unless that is NOT_SHIFTED.
    """
    own_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    process.setns(host_mounts, process.CLONE_NEWNS)
    try:
        return [open_source(*source, user_namespace=user_namespace) for source in sources]
    finally:
        process.setns(own_mounts, process.CLONE_NEWNS)
        os.close(own_mounts)


def open_source(
    path: str,
    subpath: str,
    is_recursive: bool,
    changes: list[list[int]],
    *,
    user_namespace: int = root.NOT_SHIFTED,
) -> int:
    """A descriptor of a detached copy of what lies at `path`, attributes and propagation set; see `messages.Plan`.

    Somebody who may write to `path` cannot lead `subpath` out of it, by whatever links. Raises KernelError.
    """
    flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | (mount.AT_RECURSIVE if is_recursive else 0)
    fd = _open_beneath(path, subpath, flags) if subpath else mount.open_tree(path, flags)
    for attr_set, attr_clr, propagation, within in changes:
        mount.mount_setattr_of(fd, mount.AT_RECURSIVE if within else 0, attr_set, attr_clr, propagation, path)
    _shift(fd, user_namespace, path, is_recursive=is_recursive)
    return fd


def _shift(fd: int, user_namespace: int, path: str, *, is_recursive: bool) -> None:
    """Shift the ids; a file system that cannot have that done is mounted as it is, its files nobody's inside."""
    try:
        root.shift(fd, user_namespace, path, mount.AT_RECURSIVE if is_recursive else 0)
    except KernelError as error:
        if error.errno != errno.EINVAL:
            raise


def _open_beneath(path: str, subpath: str, flags: int) -> int:
    base = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        inside = openat2(base, subpath.encode(), os.O_PATH, resolve=RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    finally:
        os.close(base)
    try:
        return mount.open_tree_of(inside, flags, f"{path}/{subpath}")
    finally:
        os.close(inside)
