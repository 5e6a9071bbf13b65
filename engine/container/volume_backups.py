"""Backups of volumes, in files of the host that stay when a volume goes.

backups/<volume>/<id>.tar.zst        the volume's files
backups/<volume>/<id>.json           what is told of it, written before that has its name
backups/<volume>/<id>.tar.zst.part   one that is being made, locked by whoever makes it
"""

import dataclasses
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from engine.container import pause, state, volume_archives, volumes
from engine.container.runtime import Runtime
from engine.container.volume_archives import SUFFIX
from engine.errors import Conflict, DamagedStore, InvalidSpec, NotFound
from engine.images.limits import DiskSpace, noticing_full_disk
from engine.images.reporter import Reporter
from engine.images.tar.stream_out import TarStream
from engine.images.tar.streams import Chunks
from engine.launcher import records
from engine.spec.backups import BACKUP_ID, Backup, check_id
from engine.spec.container import Status
from engine.spec.mounts import check_volume_name
from engine.spec.progress import IsCancelled, Progress
from engine.spec.volumes import VolumeSpec
from engine.volumes import Volume

_PART = ".part"


def back_up(
    runtime: Runtime,
    name: str,
    *,
    freeze: bool,
    is_scheduled: bool,
    progress: Progress | None,
    is_cancelled: IsCancelled | None,
) -> Backup:
    """Write the volume's files into a file of the host's backups, whole or not at all.

    With `freeze` no container that uses the volume moves meanwhile. Raises NotFound, StorageFull, Cancelled.
    """
    reporter = Reporter(progress, is_cancelled)
    volume = volumes.get(runtime, name)
    step = reporter.plan("pack", volume.used_bytes or 0)
    now = datetime.now(UTC)
    backup_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = _folder(runtime, name)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    part = folder / f"{backup_id}{SUFFIX}{_PART}"
    with reporter.step(step), volumes.mounted(runtime, (name,)), _still(runtime, name, freeze):
        try:
            plain_bytes = _write(part, runtime.volumes.data(name), lambda count: reporter.advance(step, count))
            made = Backup(
                id=backup_id,
                volume=name,
                created_at=f"{now:%Y-%m-%dT%H:%M:%S.%fZ}",
                stored_bytes=part.stat().st_size,
                plain_bytes=plain_bytes,
                was_frozen=freeze,
                is_scheduled=is_scheduled,
                labels=volume.labels,
                size_bytes=volume.size_bytes,
            )
            state.write_file(folder / f"{backup_id}.json", json.dumps(made.to_json()).encode(), durable=True)
            part.rename(part.with_suffix(""))
            records.sync(str(folder))
        except BaseException:
            part.unlink(missing_ok=True)
            (folder / f"{backup_id}.json").unlink(missing_ok=True)
            raise
    reporter.tell()
    return made


def _write(part: Path, data: Path, told: Callable[[int], None]) -> int:
    """Pack `data` into the new file `part`; how many bytes it unpacks to."""
    plain_bytes = 0

    def count(size: int) -> None:
        nonlocal plain_bytes
        plain_bytes += size
        told(size)

    space = DiskSpace(part.parent)
    with noticing_full_disk(part.parent), open(part, "xb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for piece in volume_archives.compressed(volume_archives.packed(data, told=count)):
            space.use(len(piece))
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return plain_bytes


def archive(runtime: Runtime, name: str) -> TarStream:
    """The volume's files as they are while they are read, packed as a backup is. Raises NotFound."""
    volumes.get(runtime, name)
    with ExitStack() as resources:
        resources.enter_context(volumes.mounted(runtime, (name,)))
        pieces = volume_archives.compressed(volume_archives.packed(runtime.volumes.data(name)))
        return TarStream(pieces, resources.pop_all())


def listed(runtime: Runtime, name: str = "") -> list[Backup]:
    """Every backup, or those of one volume, which need not be there any more; newest first."""
    names = [name] if name else _volumes_with_backups(runtime)
    found = [backup for one in names for backup in _of_volume(runtime, one)]
    return sorted(found, key=lambda backup: backup.id, reverse=True)


def get(runtime: Runtime, name: str, backup_id: str) -> Backup:
    """What is told of a backup. Raises NotFound, InvalidSpec, DamagedStore."""
    path = _file(runtime, name, backup_id)
    try:
        told = Backup.from_json(json.loads(path.with_name(f"{backup_id}.json").read_bytes()))
    except (ValueError, InvalidSpec) as error:
        raise DamagedStore(f"What is told of backup {backup_id} of {name} cannot be read: {error}") from error
    return dataclasses.replace(told, volume=name)  # which may have been renamed since


def open_file(runtime: Runtime, name: str, backup_id: str) -> BinaryIO:
    """The backup's file, to be closed by the caller. Raises NotFound, InvalidSpec."""
    return open(_file(runtime, name, backup_id), "rb")


def remove(runtime: Runtime, name: str, backup_id: str) -> None:
    """Take a backup away. Raises NotFound, InvalidSpec."""
    path = _file(runtime, name, backup_id)
    path.unlink(missing_ok=True)
    path.with_name(f"{backup_id}.json").unlink(missing_ok=True)
    with suppress(OSError):  # it holds others
        path.parent.rmdir()


def restore(
    runtime: Runtime,
    name: str,
    source: tuple[str, str] | BinaryIO,
    *,
    replace: bool,
    takes_devices: bool = False,
    progress: Progress | None,
    is_cancelled: IsCancelled | None,
) -> Volume:
    """Make the volume hold what a backup, by its volume and id, or an archive holds: whole or not at all.

    A volume that is there must be meant to be replaced, and nobody who uses it may run. An archive may bring devices
    only if that was said; a backup has those the volume had. Raises Conflict, InvalidArchive, StorageFull, Cancelled.
    """
    reporter = Reporter(progress, is_cancelled)
    with ExitStack() as resources:
        spec = VolumeSpec()
        if isinstance(source, tuple):
            told = get(runtime, *source)
            spec, takes_devices = VolumeSpec(told.labels, size_bytes=told.size_bytes), True
            file = resources.enter_context(open_file(runtime, *source))
            step = reporter.plan("unpack", told.stored_bytes)
        else:
            file, step = source, reporter.plan("unpack")

        def fills(data: Path) -> None:
            with reporter.step(step):
                volume_archives.unpack(
                    file, data, told=lambda count: reporter.advance(step, count), takes_devices=takes_devices
                )

        _put(runtime, name, spec, fills, replaces=replace)
    reporter.tell()
    return volumes.get(runtime, name)


def clone(
    runtime: Runtime,
    name: str,
    new_name: str,
    *,
    size_bytes: int | None,
    freeze: bool,
    progress: Progress | None,
    is_cancelled: IsCancelled | None,
) -> Volume:
    """Make the volume `new_name` of all that `name` holds, whole or not at all; labels and size as that has them.

    `size_bytes` is for another size. Raises NotFound, Conflict where there is one, StorageFull, Cancelled.
    """
    reporter = Reporter(progress, is_cancelled)
    volume = volumes.get(runtime, name)
    step = reporter.plan("copy", volume.used_bytes or 0)
    spec = VolumeSpec(volume.labels, size_bytes=volume.size_bytes if size_bytes is None else size_bytes)

    def fills(data: Path) -> None:
        with reporter.step(step):
            pieces = volume_archives.packed(runtime.volumes.data(name))
            volume_archives.unpack(
                Chunks(pieces), data, told=lambda count: reporter.advance(step, count), takes_devices=True
            )

    with volumes.mounted(runtime, (name,)), _still(runtime, name, freeze):
        _put(runtime, new_name, spec, fills, replaces=False)
    reporter.tell()
    return volumes.get(runtime, new_name)


def rename(runtime: Runtime, name: str, new_name: str) -> Volume:
    """Call the volume, and what its backups are of, something else. Raises NotFound, InvalidSpec, Conflict."""
    check_volume_name("name", new_name)
    runtime.volumes.rename(name, new_name, lambda: volumes.users(runtime))
    old, new = _folder(runtime, name), _folder(runtime, new_name)
    if old.is_dir() and old != new:
        os.makedirs(new, mode=0o700, exist_ok=True)
        for file in sorted(old.iterdir(), key=lambda path: path.suffix != ".json"):
            file.rename(new / file.name)
        old.rmdir()
    return volumes.get(runtime, new_name)


def repair(runtime: Runtime) -> None:
    """Remove what is left of backups whose makers were killed."""
    for name in _volumes_with_backups(runtime):
        folder = _folder(runtime, name)
        for part in folder.glob(f"*{_PART}"):
            with open(part, "rb") as file, suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
        for told in folder.glob("*.json"):
            if not any(told.with_name(f"{told.stem}{end}").exists() for end in (SUFFIX, f"{SUFFIX}{_PART}")):
                told.unlink()


def _put(runtime: Runtime, name: str, spec: VolumeSpec, fills: Callable[[Path], None], *, replaces: bool) -> None:
    check_volume_name("name", name)
    if name not in runtime.volumes.names():
        made = []

        def first(data: Path) -> None:
            made.append(data)
            fills(data)

        runtime.volumes.create(name, spec, fills=first)
        if made:
            return
    if not replaces:
        raise Conflict(
            f"There is a volume {name} already.",
            hint="Choose another name, or say that what it holds is to be replaced.",
        )
    with _at_rest(runtime, name):  # so that nobody unpacks for hours what then cannot be put there
        pass
    runtime.volumes.refill(name, fills, lambda: _at_rest(runtime, name))


@contextmanager
def _at_rest(runtime: Runtime, name: str) -> Iterator[None]:
    """Keep the containers that have the volume from running. Raises Conflict naming one that does."""
    with ExitStack() as resources:
        for container_id in _users(runtime, name):
            with suppress(NotFound):
                folder = resources.enter_context(runtime.locked(container_id))
                current = state.load(folder)
                if current.status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING):
                    raise Conflict(f"Container {current.name} runs with volume {name}.", hint="Stop it first.")
        yield


@contextmanager
def _still(runtime: Runtime, name: str, freeze: bool) -> Iterator[None]:
    """Keep the containers that have the volume from moving, if that is wanted. `repair` thaws after a kill."""
    with ExitStack() as resources:
        for container_id in _users(runtime, name) if freeze else ():
            with suppress(NotFound):
                folder = resources.enter_context(runtime.locked(container_id))
                resources.enter_context(pause.standing_still(runtime, folder))
        yield


def _users(runtime: Runtime, name: str) -> list[str]:
    folders = [runtime.folder(container_id) for container_id in runtime.ids()]
    return sorted(record.id for record in state.load_records(folders) if name in record.volumes.values())


def _folder(runtime: Runtime, name: str) -> Path:
    check_volume_name("volume", name)
    return runtime.volumes.root.with_name("backups") / name


def _volumes_with_backups(runtime: Runtime) -> list[str]:
    root = runtime.volumes.root.with_name("backups")
    return sorted(os.listdir(root)) if root.is_dir() else []


def _file(runtime: Runtime, name: str, backup_id: str) -> Path:
    check_id(backup_id)
    path = _folder(runtime, name) / f"{backup_id}{SUFFIX}"
    if not path.is_file():
        raise NotFound(f"There is no backup {backup_id} of volume {name} on this host.")
    return path


def _of_volume(runtime: Runtime, name: str) -> Iterator[Backup]:
    folder = _folder(runtime, name)
    for file in os.listdir(folder) if folder.is_dir() else ():
        if file.endswith(SUFFIX) and BACKUP_ID.fullmatch(file.removesuffix(SUFFIX)):
            with suppress(NotFound, FileNotFoundError):  # removed meanwhile
                yield get(runtime, name, file.removesuffix(SUFFIX))
