"""Shows what createContainer hooks were promised to see: the container's mounts where a bundle says its root is."""

from __future__ import annotations

import os
from contextlib import contextmanager

from engine.sys import mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def seen_outside(old_root: int, rootfs: str) -> Iterator[None]:
    """Show the container's mounts at the bundle's root as well, and what is mounted there in the container.

    Hooks were promised to run before the root changes; here it has changed already, so the place it came from gets a
    peer of it for as long as they run. Afterwards every mount follows again whom it followed before.
    """
    mount.mount("", "/", "", mount.MS_REC | mount.MS_SHARED, "")
    os.fchdir(old_root)
    mount.mount("", ".", "", mount.MS_UNBINDABLE, "")  # it covers the new root, and is not to be copied with it
    peer = mount.open_tree("/", mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | mount.AT_RECURSIVE)
    place = os.open(rootfs.lstrip("/"), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=old_root)
    try:
        mount.move_mount_onto(peer, place, rootfs)
        yield
    finally:
        os.close(peer)
        os.close(place)
        os.fchdir(old_root)
        mount.mount("", rootfs.lstrip("/"), "", mount.MS_REC | mount.MS_PRIVATE, "")  # else it would all go inside too
        mount.umount2(rootfs.lstrip("/"), mount.MNT_DETACH)
        mount.mount("", "/", "", mount.MS_REC | mount.MS_SLAVE, "")
