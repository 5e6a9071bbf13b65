"""Opens a container's root as its plan describes it: a detached mount that only its first process will ever attach.

With a user namespace, layers and writable folder are seen through mounts that shift their ids (mount_setattr(2),
MOUNT_ATTR_IDMAP): what is root's on disk is root's inside, and no file is ever changed for it. The kernel wants such
mounts attached somewhere, so they cover the folders themselves, in a mount namespace that nobody else sees.
"""

from __future__ import annotations

import os

from engine.launcher.messages import Root
from engine.sys import capabilities, mount, overlay

_SYS_RESOURCE = 1 << 24  # CAP_SYS_RESOURCE
NOT_SHIFTED = -1


def open_root(root: Root, user_namespace: int, first_id: int) -> int:
    """A descriptor of the mount, ids shifted by the descriptor `user_namespace` unless that is NOT_SHIFTED.

    `first_id` is what root is shifted to. The caller closes it, and has mounts of its own. Raises KernelError.
    """
    if not root.folder:
        fd = _copy(root.lower[0], mount.AT_RECURSIVE)
        mount.mount_setattr_of(fd, mount.AT_RECURSIVE, 0, 0, root.propagation, root.lower[0])
        return shift(fd, user_namespace, root.lower[0], mount.AT_RECURSIVE)
    if user_namespace == NOT_SHIFTED:
        return _open_writable(root, root.folder, 0)
    _cover(root.layers, root.layers, user_namespace)
    _cover(root.folder, at := f"{root.folder}/rootfs", user_namespace)
    return _open_writable(root, at, first_id)


def open_image(root: Root, lower: list[str], first_id: int) -> int:
    """A descriptor of what the layers `lower` of an image show together, ids shifted as they are in `root`.

    That one has been opened before: its layers lie where all images' do. Raises KernelError.
    """
    return _open_overlay(root, lower, [], first_id)


def _open_writable(root: Root, within: str, owner: int) -> int:
    """The mount of the root, upper and work folder being in `within`."""
    return _open_overlay(root, root.lower, [f"{within}/{name}" for name in ("upper", "work")], owner)


def _open_overlay(root: Root, lower: list[str], writable: list[str], owner: int) -> int:
    """An overlay mount.

    Overlayfs works with the ids and rights of whoever mounts it. Those of the host's root are nobody's in such mounts,
    so it is done as `owner`; and ext4 holds nobody to a quota who has CAP_SYS_RESOURCE.
    """
    effective, permitted, inheritable = capabilities.capget()
    os.setegid(owner)
    os.seteuid(owner)
    try:
        capabilities.capset(effective & ~(_SYS_RESOURCE if root.has_quota else 0), permitted, inheritable)
        at = f"{root.folder}/rootfs"
        return overlay.open_overlay(lower, writable, attach_at=at, by_context=root.by_context)
    finally:
        os.seteuid(0)
        os.setegid(0)
        capabilities.capset(effective, permitted, inheritable)


def shift(mount_fd: int, user_namespace: int, path: str, flags: int) -> int:
    """Shift the ids of a detached mount, and of all within with AT_RECURSIVE; returns it. Raises KernelError."""
    if user_namespace != NOT_SHIFTED:
        mount.mount_setattr_of(mount_fd, flags, mount.MOUNT_ATTR_IDMAP, 0, 0, path, user_namespace)
    return mount_fd


def _cover(folder: str, at: str, user_namespace: int) -> None:
    """Attach a shifted copy of `folder`'s mount at `at`."""
    mount.move_mount(shift(_copy(folder, 0), user_namespace, folder, 0), at)


def _copy(path: str, flags: int) -> int:
    return mount.open_tree(path, mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | flags)
