"""What a host does with volumes: one task, one verb of the engine."""

from typing import Any

from engine import VolumeSpec
from panel.operations.host import operation
from panel.operations.work import Outcome, Work


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
