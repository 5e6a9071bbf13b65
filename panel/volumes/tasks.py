"""What a host does with volumes: one task, one verb of the engine."""

from typing import Any

from engine import Retention, VolumeSpec
from panel.operations.host import operation
from panel.operations.work import Outcome, Work
from panel.uploads.incoming import opened


@operation("volumes.create")
def create(work: Work, name: str, spec: dict[str, Any]) -> Outcome:
    """Make a volume, unless it is there."""
    made = work.engine.create_volume(name, VolumeSpec.from_json(spec))
    return Outcome(result={"volume": made.to_json()})


@operation("volumes.resize")
def resize(work: Work, name: str, size_bytes: int) -> Outcome:
    """Let a volume hold so much."""
    return Outcome(result={"volume": work.engine.resize_volume(name, size_bytes).to_json()})


@operation("volumes.remove")
def remove(work: Work, name: str, force: bool) -> Outcome:
    """Remove a volume that no container uses."""
    work.engine.remove_volume(name, force=force)
    return Outcome()


@operation("volumes.prune")
def prune(work: Work, with_named: bool) -> Outcome:
    """Remove the volumes that no container uses."""
    names = [volume.name for volume in work.engine.unused_volumes(with_named=with_named)]
    return Outcome(result=work.engine.prune_volumes(names).to_json())


@operation("volumes.rename")
def rename(work: Work, name: str, new_name: str) -> Outcome:
    """Call a volume something else."""
    return Outcome(result={"volume": work.engine.rename_volume(name, new_name).to_json()})


@operation("volumes.clone", asks_itself=True)
def clone(work: Work, name: str, new_name: str, size_bytes: int | None, freeze: bool) -> Outcome:
    """Make a volume of all that another holds."""
    made = work.engine.clone_volume(
        name,
        new_name,
        size_bytes=size_bytes,
        freeze=freeze,
        progress=work.progress,
        is_cancelled=work.is_cancelled,
    )
    return Outcome(result={"volume": made.to_json()})


@operation("volumes.back_up", asks_itself=True)
def back_up(work: Work, name: str, freeze: bool, retention: dict[str, int] | None = None) -> Outcome:
    """Keep what a volume holds. With `retention` it is the clock that asks: what need not stay after that, goes."""
    made = work.engine.back_up_volume(
        name,
        freeze=freeze,
        is_scheduled=retention is not None,
        progress=work.progress,
        is_cancelled=work.is_cancelled,
    )
    rules = Retention.from_json(retention or {})
    removed = [backup.id for backup in rules.expired(work.engine.volume_backups(name))]
    for backup_id in removed:
        work.engine.remove_volume_backup(name, backup_id)
    return Outcome(result={"backup": made.to_json(), "removed": removed})


@operation("volumes.remove_backup")
def remove_backup(work: Work, name: str, backup: str) -> Outcome:
    """Take a backup away."""
    work.engine.remove_volume_backup(name, backup)
    return Outcome()


@operation("volumes.restore", asks_itself=True)
def restore(work: Work, name: str, source: str, backup: str, replace: bool) -> Outcome:
    """Put the backup of the volume `source` into the volume `name`."""
    made = work.engine.restore_volume(
        name, (source, backup), replace=replace, progress=work.progress, is_cancelled=work.is_cancelled
    )
    return Outcome(result={"volume": made.to_json()})


@operation("volumes.restore_upload", asks_itself=True)
def restore_upload(work: Work, name: str, upload: str, replace: bool, takes_devices: bool) -> Outcome:
    """Put what was uploaded into a volume."""
    with opened(work, upload) as archive:
        made = work.engine.restore_volume(
            name,
            archive,
            replace=replace,
            takes_devices=takes_devices,
            progress=work.progress,
            is_cancelled=work.is_cancelled,
        )
    return Outcome(result={"volume": made.to_json()})
