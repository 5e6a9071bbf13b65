"""The volumes of containers: made and filled when a container is created, counted as used while it exists."""

import errno
import functools
import os
from collections.abc import Mapping, Sequence

from engine.container import state
from engine.container.image_root import ImageRoot
from engine.container.runtime import Runtime
from engine.errors import KernelError
from engine.images import Image
from engine.spec.container import ContainerSpec
from engine.spec.mounts import Mount, MountType, place_of
from engine.sys.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2
from engine.volumes import RemovedVolumes, Volume

_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


def prepare(runtime: Runtime, container_id: str, spec: ContainerSpec, image: Image, root: ImageRoot) -> dict[str, str]:
    """Make the volumes of a container, and fill those that are new with what its root has there.

    Returns names by target: of the mounts of type volume, and of the places the image calls volumes where nothing else
    is mounted. The caller holds the store.
    """
    mounts = {item.place: item for item in spec.mounts}
    wanted: dict[str, Mount | None] = {at: item for at, item in mounts.items() if item.type is MountType.VOLUME}
    wanted |= {at: None for path in image.volumes if (at := place_of(path)) not in mounts}
    names = {}
    for at, item in wanted.items():
        name = item.source if item else ""
        labels = item.labels if item else {}
        names[at] = runtime.volumes.create(name, labels=labels, owner="" if name else container_id)
        if item is None or not (item.no_copy or item.subpath):
            _fill(runtime, names[at], at, root)
    return names


def _fill(runtime: Runtime, name: str, at: str, root: ImageRoot) -> None:
    flags, resolve = os.O_RDONLY | os.O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
    try:
        source = openat2(root.fileno(), at.encode(), flags, resolve=resolve)
    except KernelError as error:
        if error.errno in _ABSENT:
            return
        raise
    try:
        runtime.volumes.fill(name, source)
    finally:
        os.close(source)


def leave(runtime: Runtime, record: state.Record) -> None:
    """The container is about to go: so do its anonymous volumes, if that was decided, unless another one uses them."""
    if record.volumes:
        names = set(record.volumes.values())
        others = functools.partial(users, runtime, but=record.id)
        runtime.volumes.leave(record.id, names, others, with_volumes=record.drops_volumes)


def forget(runtime: Runtime, container_id: str) -> None:
    """The container never came to be: take away what was made for it."""
    runtime.volumes.forget(container_id)


def users(runtime: Runtime, *, but: str = "") -> dict[str, list[str]]:
    """Names of the containers that use each volume, by its name; container `but` does not count."""
    found: dict[str, list[str]] = {}
    for record in state.load_records(runtime.folder(container_id) for container_id in runtime.ids()):
        for name in set(record.volumes.values()) if record.id != but else ():
            found.setdefault(name, []).append(record.name)
    return found


def create(runtime: Runtime, name: str, labels: Mapping[str, str]) -> Volume:
    """A volume of this name, made unless it is there."""
    with runtime.volumes.held():
        return get(runtime, runtime.volumes.create(name, labels=labels))


def get(runtime: Runtime, name: str) -> Volume:
    """The volume. Raises NotFound."""
    return runtime.volumes.get(name, lambda: users(runtime))


def listed(runtime: Runtime) -> list[Volume]:
    """Every volume of this host, by name."""
    return runtime.volumes.list(lambda: users(runtime))


def unused(runtime: Runtime, *, with_named: bool) -> list[Volume]:
    """What `prune` may take: volumes no container uses, those with a name of their own only if `with_named`."""
    return [volume for volume in listed(runtime) if not volume.used_by and (with_named or volume.is_anonymous)]


def remove(runtime: Runtime, name: str, *, is_missing_ok: bool) -> None:
    """Take the volume away. Raises NotFound unless `is_missing_ok`, Conflict naming the containers that use it."""
    runtime.volumes.remove(name, lambda: users(runtime), is_missing_ok=is_missing_ok)


def prune(runtime: Runtime, names: Sequence[str]) -> RemovedVolumes:
    """Remove those of the named volumes that no container uses now."""
    return runtime.volumes.prune(names, lambda: users(runtime))
