"""reap: remove what asked to be removed, when its end or the end of its time has come.

The shim ends a container whose time is over, and tells of every end; whoever hears of it reaps. What nobody heard of is
found by the next look at all.
"""

from engine.container import care, remove, state, volumes
from engine.container.runtime import Runtime
from engine.errors import Conflict, NotFound
from engine.launcher import records
from engine.spec.container import ContainerState, Status

_EXPIRED = "time to live"


def reap(runtime: Runtime) -> list[str]:
    """Look at every container; the ids of those removed."""
    return [container_id for container_id in runtime.ids() if reap_one(runtime, container_id)]


def reap_one(runtime: Runtime, container_id: str) -> bool:
    """Remove the container if its time is over, or if it was to be removed after its end and has ended.

    One that still runs is its shim's to end, if it has one. False when it stays, or is gone already.
    """
    folder = runtime.folder(container_id)
    try:
        record = state.load_record(folder)
        volumes.release(runtime, record)
        if not (record.auto_remove or record.expires_at):
            return False
        if not _is_due(record, state.load(folder), is_guarded=records.has_shim(str(folder))):
            return False
        is_over = care.is_over(record)
        asked_by = _EXPIRED if is_over else ""
        remove.remove(runtime, container_id, force=is_over, with_volumes=True, asked_by=asked_by)
    except (NotFound, Conflict):
        return False  # removed or started by somebody else since
    return True


def _is_due(record: state.Record, current: ContainerState, *, is_guarded: bool) -> bool:
    if current.status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING):
        return care.is_over(record) and not is_guarded
    return care.is_over(record) or (record.auto_remove and current.status is Status.EXITED)
