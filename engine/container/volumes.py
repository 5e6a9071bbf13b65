"""The volumes of containers: made and filled when a container is created, counted as used while it exists."""

import errno
import functools
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

from engine.container import state, user_namespaces
from engine.container.image_root import ImageRoot
from engine.container.runtime import Runtime
from engine.errors import KernelError, NotFound
from engine.images import Image
from engine.spec.container import ContainerSpec, Status
from engine.spec.mounts import Mount, MountType, place_of
from engine.spec.pruning import Pruned
from engine.spec.volumes import VolumeSpec
from engine.sys.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2
from engine.volumes import RemovedVolumes, Volume

_UNDER_WAY = (Status.RUNNING, Status.PAUSED, Status.RESTARTING)
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
        spec_of = VolumeSpec(labels=item.labels, options=item.volume_options) if item else VolumeSpec()
        names[at] = runtime.volumes.create(name, spec_of, owner="" if name else container_id)
        if item is None or not (item.no_copy or item.subpath):
            _fill(runtime, names[at], at, root)
    return names


def mounted_of(runtime: Runtime, names: Mapping[str, str]) -> tuple[str, ...]:
    """Those of a container's volumes, by target, that have to be mounted for it at each start."""
    return tuple(sorted({name for name in names.values() if runtime.volumes.needs_mount(name)}))


def check_owners(runtime: Runtime, names: Collection[str]) -> list[str]:
    """Warnings of volumes that a container with ids of its own sees without the owners of their files."""
    warnings = []
    for name in names:
        with mounted(runtime, (name,)):
            if why := user_namespaces.why_not_bound(str(runtime.volumes.data(name))):
                warnings.append(f"Files of volume {name} belong to nobody inside: {why}")
    return warnings


@contextmanager
def mounted(runtime: Runtime, names: Collection[str]) -> Iterator[None]:
    """Have these volumes mounted: during the block, and on while a container that has them runs."""
    with ExitStack() as resources:
        for name in names:
            resources.enter_context(runtime.volumes.mounted(name, lambda: running_users(runtime)))
        yield


def release(runtime: Runtime, record: state.Record) -> None:
    """The container has ended, or may have: what was mounted for it goes, unless another one that runs has it too."""
    if record.mounted_volumes:
        runtime.volumes.release(record.mounted_volumes, lambda: running_users(runtime))


def running_users(runtime: Runtime) -> dict[str, list[str]]:
    """Names of the containers that run, or are about to again, by the name of a mounted volume they have."""
    found: dict[str, list[str]] = {}
    folders = [runtime.folder(container_id) for container_id in runtime.ids()]
    for record in state.load_records(folders):
        if record.mounted_volumes and _is_under_way(runtime, record):
            for name in record.mounted_volumes:
                found.setdefault(name, []).append(record.name)
    return found


def _is_under_way(runtime: Runtime, record: state.Record) -> bool:
    try:
        return state.load(runtime.folder(record.id)).status in _UNDER_WAY
    except NotFound:
        return False


def _fill(runtime: Runtime, name: str, at: str, root: ImageRoot) -> None:
    flags, resolve = os.O_RDONLY | os.O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
    try:
        source = openat2(root.fileno(), at.encode(), flags, resolve=resolve)
    except KernelError as error:
        if error.errno in _ABSENT:
            return
        raise
    try:
        with mounted(runtime, (name,)):
            runtime.volumes.fill(name, source)
    finally:
        os.close(source)


def leave(runtime: Runtime, record: state.Record) -> None:
    """The container is about to go: so do its anonymous volumes, if that was decided, unless another one uses them."""
    if record.volumes:
        names = set(record.volumes.values())
        others = functools.partial(users, runtime, but=record.id)
        runtime.volumes.leave(record.id, names, others, with_volumes=record.drops_volumes)
        release(runtime, record)


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


def create(runtime: Runtime, name: str, spec: VolumeSpec) -> Volume:
    """A volume of this name, made unless it is there."""
    with runtime.volumes.held():
        return get(runtime, runtime.volumes.create(name, spec))


def resize(runtime: Runtime, name: str, size_bytes: int) -> Volume:
    """Let the volume hold so much, at once. Raises NotFound, InvalidSpec, Conflict telling why it cannot."""
    with runtime.volumes.held():
        runtime.volumes.resize(name, size_bytes, lambda: running_users(runtime))
        return get(runtime, name)


def measure(runtime: Runtime, *, older_than_s: float) -> list[str]:
    """Measure again what only trees tell and was measured longer ago than that; names of those measured."""
    before = datetime.now(UTC) - timedelta(seconds=older_than_s)
    return runtime.volumes.measure(older_than=f"{before:%Y-%m-%dT%H:%M:%S.%fZ}")


def repair(runtime: Runtime, containers: Collection[str]) -> None:
    """Finish or undo what was half done; nothing stays mounted that no container needs."""
    runtime.volumes.repair(containers, lambda: running_users(runtime))


def get(runtime: Runtime, name: str) -> Volume:
    """The volume. Raises NotFound."""
    return runtime.volumes.get(name, lambda: users(runtime))


def listed(runtime: Runtime) -> list[Volume]:
    """Every volume of this host, by name."""
    return runtime.volumes.list(lambda: users(runtime))


def unused(runtime: Runtime, *, with_named: bool) -> list[Volume]:
    """What `prune` may take: volumes no container uses, those with a name of their own only if `with_named`."""
    return [volume for volume in listed(runtime) if not volume.used_by and (with_named or volume.is_anonymous)]


def prunable(runtime: Runtime, *, with_named: bool) -> list[Pruned]:
    """What a prune would take, with the bytes each of them takes on the disk now."""
    found = [volume.name for volume in unused(runtime, with_named=with_named)]
    sizes = runtime.volumes.sizes(found)
    return [Pruned(name, name, sizes[name]) for name in found if name in sizes]


def remove(runtime: Runtime, name: str, *, is_missing_ok: bool) -> None:
    """Take the volume away. Raises NotFound unless `is_missing_ok`, Conflict naming the containers that use it."""
    runtime.volumes.remove(name, lambda: users(runtime), is_missing_ok=is_missing_ok)


def prune(runtime: Runtime, names: Sequence[str]) -> RemovedVolumes:
    """Remove those of the named volumes that no container uses now."""
    return runtime.volumes.prune(names, lambda: users(runtime))
