"""What is bound from the host into a container, attached again while it does not run, so that copying finds it."""

import json
import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.container import mount_steps
from engine.container.namespaces import CONTAINER
from engine.launcher import sources, targets
from engine.rootfs import open_merged
from engine.spec import runtime as oci
from engine.sys import mount


@dataclass(frozen=True)
class Binds:
    """Sources as `engine.container.mount_steps` plans them, by their places; whether the root itself is read-only."""

    sources: tuple[tuple[str, mount_steps.Source], ...]
    is_read_only: bool


def read(folder: Path, volumes: Path) -> Binds:
    """Those of the container in `folder`; `volumes` is the folder of this host's volumes."""
    spec = oci.Spec.from_json(json.loads((folder / "config.json").read_bytes()))
    plan = mount_steps.prepare(spec, [], folder, volumes)
    attached = ((step[2], plan.sources[step[1]]) for step in plan.steps if step[0] == "attach")
    of_host = tuple(item for item in attached if not str(item[1][0]).startswith(CONTAINER))
    return Binds(of_host, spec.root.readonly)


def attach(binds: Binds, root_mount: int, rootfs: Path, resources: ExitStack, *, is_writable: bool) -> int:
    """In a namespace made for the purpose: attach the detached root at `rootfs`, then the binds in it.

    Returns a descriptor of the root, and leaves the calling thread in it; `resources` closes it, and lets the namespace
    go. A place that is missing is made where the root `is_writable`; else nothing is mounted there. Raises KernelError.
    """
    resources.callback(os.close, os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC))
    with ExitStack() as opened:
        found = [(at, _open(source, rootfs, opened)) for at, source in binds.sources]
        mount.move_mount(root_mount, str(rootfs))
        os.chroot(rootfs)
        os.chdir("/")
        for at, source in found:
            _attach_one(at, source, is_writable)
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    resources.callback(os.close, root)
    if binds.is_read_only:
        mount.mount_setattr_of(root, 0, mount.MOUNT_ATTR_RDONLY, 0, 0, "/")
    return root


def _open(source: mount_steps.Source, rootfs: Path, opened: ExitStack) -> int:
    path, subpath, _, changes = source
    if isinstance(path, list):
        layers = open_merged([Path(layer) for layer in path], attach_at=rootfs)
        fd = sources.part_of(layers, subpath, changes, str(rootfs))
    else:
        fd = sources.open_source(*source)
    opened.callback(os.close, fd)
    return fd


def _attach_one(at: str, source: int, is_writable: bool) -> None:
    is_folder = stat.S_ISDIR(os.fstat(source).st_mode)
    target = targets.open_target(at, is_folder=is_folder) if is_writable else targets.open_existing(at)
    if target is None:
        return
    try:
        mount.move_mount_onto(source, target, at)
    finally:
        os.close(target)
