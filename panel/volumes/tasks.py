"""What a host does with volumes: one task, one verb of the engine."""

from panel.operations.host import operation
from panel.operations.work import Outcome, Work


@operation("volumes.create")
def create(work: Work, name: str, labels: dict[str, str]) -> Outcome:
    """Make a volume, unless it is there."""
    return Outcome(result={"volume": work.engine.create_volume(name, labels=labels).to_json()})


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
