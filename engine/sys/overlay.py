"""Overlay mounts as detached descriptors: nothing of a container's root is ever visible in the host's mount table."""

from __future__ import annotations

import os

from engine.errors import KernelError
from engine.sys import mount

_LONGEST_VALUE = 255  # fsconfig(2)


def open_overlay(lower: list[str], writable: list[str], *, attach_at: str, by_context: bool) -> int:
    """A descriptor of a new overlay mount, close-on-exec; `lower` is top-most first. The caller closes it.

    `writable` are the upper and the work folder, or nothing for a mount to be read only. `by_context` is what
    `takes_many_layers` said; without it `attach_at`, an empty folder, is needed for a moment. Raises KernelError.
    """
    named: list[int] = []
    name = _short if by_context else _by_descriptor
    try:
        layers = [name(path, named) for path in lower]
        folders = [*zip(("upperdir", "workdir"), [name(path, named) for path in writable], strict=False)]
        return _by_context(layers, folders) if by_context else _by_mount(layers, folders, attach_at)
    finally:
        for fd in named:
            os.close(fd)


def _by_context(lower: list[str], folders: list[tuple[str, str]]) -> int:
    context = mount.fsopen("overlay")
    try:
        mount.fsconfig_set_string(context, "source", "overlay")
        for layer in lower:
            mount.fsconfig_set_string(context, "lowerdir+", layer)
        for key, folder in folders:
            mount.fsconfig_set_string(context, key, folder)
        mount.fsconfig_create(context)
        return mount.fsmount(context)
    finally:
        os.close(context)


def _by_mount(lower: list[str], folders: list[tuple[str, str]], attach_at: str) -> int:
    """mount(2) takes one page of options, so the folders are named by descriptor, in 20 bytes each; 180 layers fit."""
    options = ",".join([f"lowerdir={':'.join(lower)}", *(f"{key}={folder}" for key, folder in folders)])
    mount.mount("overlay", attach_at, "overlay", 0, options)
    try:
        return mount.open_tree(attach_at, mount.OPEN_TREE_CLONE | mount.OPEN_TREE_CLOEXEC)
    finally:
        mount.umount2(attach_at, mount.MNT_DETACH)


def _short(path: str, named: list[int]) -> str:
    return path if len(os.fsencode(path)) <= _LONGEST_VALUE else _by_descriptor(path, named)


def _by_descriptor(path: str, named: list[int]) -> str:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError("open", error.errno or 0, path) from None
    named.append(fd)
    return f"/proc/self/fd/{fd}"


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
