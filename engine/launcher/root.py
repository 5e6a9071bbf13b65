"""Opens a container's root as its plan describes it: a detached mount that only its first process will ever attach."""

from __future__ import annotations

from engine.launcher.messages import Root
from engine.sys import capabilities, mount, overlay

_SYS_RESOURCE = 1 << 24  # CAP_SYS_RESOURCE


def open_root(root: Root) -> int:
    """A descriptor of the mount; the caller closes it. Raises KernelError."""
    if not root.writable:
        flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | mount.AT_RECURSIVE
        fd = mount.open_tree(root.lower[0], flags)
        mount.mount_setattr_of(fd, mount.AT_RECURSIVE, 0, 0, root.propagation, root.lower[0])
        return fd
    if not root.has_quota:
        return _overlay(root)
    # An overlay writes with the rights of whoever mounted it, and ext4 holds nobody who has this one to a quota.
    effective, permitted, inheritable = capabilities.capget()
    capabilities.capset(effective & ~_SYS_RESOURCE, permitted, inheritable)
    try:
        return _overlay(root)
    finally:
        capabilities.capset(effective, permitted, inheritable)


def _overlay(root: Root) -> int:
    return overlay.open_overlay(root.lower, root.writable, attach_at=root.at, by_context=root.by_context)
