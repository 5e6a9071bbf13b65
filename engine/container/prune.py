"""prune: remove the containers that do not run and that nobody wants to keep."""

import json
import os
from datetime import datetime
from pathlib import Path

from engine.container import remove, state
from engine.container.runtime import Runtime
from engine.errors import Conflict, NotFound
from engine.spec.container import ContainerState, Status
from engine.spec.pruning import Pruned, PruneFilters

_BLOCK_BYTES = 512  # what st_blocks counts in, whatever the file system's own block size


def prune(runtime: Runtime, filters: PruneFilters, *, dry_run: bool, asked_by: str) -> list[Pruned]:
    """Remove every container that was created or has ended and that all filters mean; tells each with its bytes.

    With `dry_run` they are told of and stay. Raises InvalidSpec for a filter that cannot be read.
    """
    until = filters.moment()
    found = []
    for container_id in sorted(runtime.ids()):
        try:
            pruned = _prune_one(runtime, container_id, filters, until, dry_run=dry_run, asked_by=asked_by)
        except (NotFound, Conflict):
            continue  # removed by somebody else, or started, since it was looked at
        if pruned is not None:
            found.append(pruned)
    return found


def _prune_one(
    runtime: Runtime, container_id: str, filters: PruneFilters, until: datetime | None, *, dry_run: bool, asked_by: str
) -> Pruned | None:
    folder = runtime.folder(container_id)
    current = state.load(folder)
    if current.status not in (Status.CREATED, Status.EXITED) or not _is_meant(folder, current, filters, until):
        return None
    pruned = Pruned(container_id, current.name, size_bytes(folder))
    if not dry_run:
        remove.remove(runtime, container_id, force=False, asked_by=asked_by)
    return pruned


def _is_meant(folder: Path, current: ContainerState, filters: PruneFilters, until: datetime | None) -> bool:
    if until is not None and datetime.fromisoformat(current.created_at) >= until:
        return False
    return filters.fit(json.loads((folder / "spec.json").read_bytes())["labels"])


def size_bytes(folder: Path) -> int:
    """What a container takes on the disk: writable layer, log, records; a file with several names counts once."""
    seen, total = set(), 0
    for at, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            entry = os.lstat(os.path.join(at, name))
            if entry.st_ino not in seen:
                seen.add(entry.st_ino)
                total += entry.st_blocks * _BLOCK_BYTES
    return total
