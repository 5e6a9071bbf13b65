"""Overlay mounts as detached descriptors: nothing of a container's root is ever visible in the host's mount table."""

import functools
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from engine.errors import KernelError
from engine.sys import mount

OPAQUE = "trusted.overlay.opaque"
"""Set to `y` on a folder that shows nothing of the folders below it."""
_LONGEST_VALUE = 255  # fsconfig(2)


def open_overlay(lower: Sequence[Path], upper: Path, work: Path, *, attach_at: Path) -> int:
    """A descriptor of a new overlay mount, close-on-exec; `lower` is top-most first. The caller closes it.

    `attach_at` is an empty folder that kernels before 6.5 need for a moment. Raises KernelError.
    """
    return _open(lower, {"upperdir": upper, "workdir": work}, attach_at)


def open_merged(lower: Sequence[Path], *, attach_at: Path) -> int:
    """A descriptor of what the folders of `lower` (top-most first) show together, for reading; else as above."""
    if len(lower) == 1:  # overlayfs wants two; one alone is what it shows
        return os.open(lower[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return _open(lower, {}, attach_at)


def _open(lower: Sequence[Path], writable: Mapping[str, Path], attach_at: Path) -> int:
    if takes_many_layers():
        return _by_context(lower, writable)
    return _by_mount(lower, writable, attach_at)


def _by_context(lower: Sequence[Path], writable: Mapping[str, Path]) -> int:
    context = mount.fsopen("overlay")
    with ExitStack() as descriptors:
        descriptors.callback(os.close, context)
        for layer in lower:
            mount.fsconfig_set_string(context, "lowerdir+", _short(layer, descriptors))
        for key, folder in writable.items():
            mount.fsconfig_set_string(context, key, _short(folder, descriptors))
        mount.fsconfig_create(context)
        return mount.fsmount(context)


def _by_mount(lower: Sequence[Path], writable: Mapping[str, Path], attach_at: Path) -> int:
    """mount(2) takes one page of options, so the folders are named by descriptor, in 20 bytes each; 180 layers fit."""
    with ExitStack() as descriptors:
        layers = ":".join(_by_descriptor(layer, descriptors) for layer in lower)
        folders = [f"{key}={_by_descriptor(folder, descriptors)}" for key, folder in writable.items()]
        mount.mount("overlay", str(attach_at), "overlay", 0, ",".join([f"lowerdir={layers}", *folders]))
    try:
        return mount.open_tree(str(attach_at), mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC)
    finally:
        mount.umount2(str(attach_at), mount.MNT_DETACH)


def _short(path: Path, descriptors: ExitStack) -> str:
    text = str(path)
    return text if len(text.encode()) <= _LONGEST_VALUE else _by_descriptor(path, descriptors)


def _by_descriptor(path: Path, descriptors: ExitStack) -> str:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    descriptors.callback(os.close, fd)
    return f"/proc/self/fd/{fd}"


def is_whiteout(info: os.stat_result) -> bool:
    """Overlayfs hides what the lower layers have under a character device numbered 0/0."""
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


@functools.cache
def takes_many_layers() -> bool:
    """Whether overlay has `lowerdir+` (Linux 6.5), one layer a call and so no limit by the length of options."""
    try:
        context = mount.fsopen("overlay")
    except KernelError:
        return False
    try:
        # Before 6.5 overlay had no parser of its own: any option is taken, and refused only when the mount is made.
        return _takes(context, "lowerdir+", "/") and not _takes(context, "no-such-option", "")
    finally:
        os.close(context)


def _takes(context: int, option: str, value: str) -> bool:
    try:
        mount.fsconfig_set_string(context, option, value)
    except KernelError:
        return False
    return True
