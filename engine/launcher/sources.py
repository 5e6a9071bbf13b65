"""Opens what of the host is mounted in a container: as detached copies, so that only their descriptors go inside."""

from __future__ import annotations

import os

from engine.sys import mount
from engine.sys.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2


def open_source(path: str, subpath: str, is_recursive: bool, changes: list[list[int]]) -> int:
    """A descriptor of a detached copy of what lies at `path`, attributes and propagation set; see `messages.Plan`.

    Somebody who may write to `path` cannot lead `subpath` out of it, by whatever links. Raises KernelError.
    """
    flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | (mount.AT_RECURSIVE if is_recursive else 0)
    fd = _open_beneath(path, subpath, flags) if subpath else mount.open_tree(path, flags)
    for attr_set, attr_clr, propagation, within in changes:
        mount.mount_setattr_of(fd, mount.AT_RECURSIVE if within else 0, attr_set, attr_clr, propagation, path)
    return fd


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
