"""Opens what of the host is mounted in a container: as detached copies, so that only their descriptors go inside."""

from __future__ import annotations

import errno
import os

from engine.errors import KernelError
from engine.launcher import id_maps, namespaces, root
from engine.launcher.named import NamedTuple
from engine.sys import mount, process
from engine.sys.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.launcher.messages import Root


OF_CONTAINER = "container:"
"""What a source begins with whose path is the folder of another container, and the subpath a place in its root."""


class Opened(NamedTuple):
    """A source: its descriptor, and apart from that, by their places in it, those of what is mounted within."""

    fd: int
    within: list[tuple[str, int]]


_NOT_YET = Opened(-1, [])


def open_sources(
    sources: list[list[Any]], user_namespace: int = root.NOT_SHIFTED, host_mounts: int = -1
) -> list[Opened]:
    """All sources of a plan but the images, looked for in the mount namespace `host_mounts` (-1: where the caller is).

    Their ids are shifted by the descriptor `user_namespace` unless that is NOT_SHIFTED. Raises KernelError.
    """
    if host_mounts < 0:
        return [_open(source, user_namespace) for source in sources]
    own_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    process.setns(host_mounts, process.CLONE_NEWNS)
    try:
        return [_open(source, user_namespace) for source in sources]
    finally:
        process.setns(own_mounts, process.CLONE_NEWNS)
        os.close(own_mounts)


def open_images(sources: list[list[Any]], opened: list[Opened], of: Root, first_id: int) -> list[Opened]:
    """`opened` with the images among the sources, for a caller that has opened the root `of` in its own mounts.

    Raises KernelError.
    """
    found = list(opened)
    for index, (path, subpath, _, changes, *_) in enumerate(sources):
        if isinstance(path, list):
            layers = root.open_image(of, path, first_id)
            found[index] = Opened(part_of(layers, subpath, changes, f"{of.folder}/rootfs"), [])
    return found


def part_of(whole: int, subpath: str, changes: list[list[int]], attach_at: str) -> int:
    """What of the detached mount `whole`, which is closed, lies at `subpath`; attached at `attach_at` for a moment.

    Raises KernelError.
    """
    if subpath:
        try:
            mount.move_mount(whole, attach_at)
        finally:
            os.close(whole)
        try:
            return open_source(attach_at, subpath, False, changes)
        finally:
            mount.umount2(attach_at, mount.MNT_DETACH)
    _change(whole, changes, attach_at)
    return whole


def open_source(path: str, subpath: str, is_recursive: bool, changes: list[list[int]]) -> int:
    """A descriptor of a detached copy of what lies at `path`, attributes and propagation set; see `messages.Plan`.

    Somebody who may write to `path` cannot lead `subpath` out of it, by whatever links. Raises KernelError.
    """
    flags = mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC | (mount.AT_RECURSIVE if is_recursive else 0)
    fd = _open_beneath(path, subpath, flags) if subpath else mount.open_tree(path, flags)
    _change(fd, changes, path)
    return fd


def _change(fd: int, changes: list[list[int]], path: str) -> None:
    for attr_set, attr_clr, propagation, within in changes:
        mount.mount_setattr_of(fd, mount.AT_RECURSIVE if within else 0, attr_set, attr_clr, propagation, path)


def _open(source: list[Any], user_namespace: int) -> Opened:
    path, subpath, is_recursive, changes, *own_maps = source
    if isinstance(path, list):
        return _NOT_YET
    if own_maps:
        fd = open_source(path, subpath, is_recursive, changes)
        uid_map, gid_map, is_within = own_maps
        shifts_by = id_maps.user_namespace(uid_map.encode(), gid_map.encode())
        root.shift(fd, shifts_by, path, mount.AT_RECURSIVE if is_within else 0)
        return Opened(fd, [])
    if path.startswith(OF_CONTAINER):
        return Opened(_open_in_container(path.removeprefix(OF_CONTAINER), subpath), [])
    fd = open_source(path, subpath, is_recursive, changes)
    is_shifted = _shift(fd, user_namespace, path, mount.AT_RECURSIVE if is_recursive else 0)
    if is_shifted or not is_recursive:
        return Opened(fd, [])
    # All or nothing, says the kernel, and nothing within a detached mount can be changed: so each mount by itself.
    os.close(fd)
    fd = open_source(path, subpath, False, changes)
    _shift(fd, user_namespace, path, 0)
    inherited = [change for change in changes if change[3]]
    return Opened(fd, _open_within(os.path.realpath(f"{path}/{subpath}"), inherited, user_namespace))


def _open_in_container(folder: str, path: str) -> int:
    """A copy of what another container, which is in the same user namespace, has mounted at `path`."""
    here = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    theirs = namespaces.open_namespace(folder, process.CLONE_NEWNS)
    try:
        process.setns(theirs, process.CLONE_NEWNS)
        return mount.open_tree(path, mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC)
    finally:
        process.setns(here, process.CLONE_NEWNS)
        os.close(theirs)
        os.close(here)


def _shift(fd: int, user_namespace: int, path: str, flags: int) -> bool:
    """Shift the ids; a file system that cannot have that done stays as it is, its files nobody's inside."""
    try:
        root.shift(fd, user_namespace, path, flags)
    except KernelError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    return True


def _open_within(top: str, changes: list[list[int]], user_namespace: int) -> list[tuple[str, int]]:
    found = []
    for place in _mounted_within(top):
        try:
            fd = open_source(top, place, False, changes)
        except KernelError as error:
            if error.errno not in (errno.ENOENT, errno.EINVAL):  # under another mount; not to be bound (mount(8))
                raise
            continue
        _shift(fd, user_namespace, f"{top}/{place}", 0)
        found.append((place, fd))
    return found


def _mounted_within(top: str) -> list[str]:
    """Where in the folder something is mounted, relative to it, the outermost first, from proc_pid_mountinfo(5)."""
    start = os.fsencode(top).rstrip(b"/") + b"/"
    with open("/proc/self/mountinfo", "rb") as file:
        # Spaces and their like are octal there: read as Latin-1, every byte stands for itself.
        places = {line.split()[4].decode("unicode_escape").encode("latin-1") for line in file}
    return [
        os.fsdecode(place.removeprefix(start)) for place in sorted(places) if place.startswith(start) and place != start
    ]


def _open_beneath(path: str, subpath: str, flags: int) -> int:
    base = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        inside = openat2(base, os.fsencode(subpath), os.O_PATH, resolve=RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    except KernelError as error:
        raise KernelError(error.syscall, error.errno, f"{path}/{subpath}") from None
    finally:
        os.close(base)
    try:
        return mount.open_tree_of(inside, flags, f"{path}/{subpath}")
    finally:
        os.close(inside)
