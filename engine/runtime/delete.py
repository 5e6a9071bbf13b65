"""delete: nothing of a container is left."""

from engine.errors import Conflict
from engine.runtime.create import run_poststop
from engine.runtime.diary import Diary
from engine.runtime.store import Container, Status, Store


def delete(store: Store, diary: Diary, container_id: str, *, is_forced: bool) -> None:
    """Take a stopped container away, and one whose program never ran; with `is_forced` whatever it is at.

    Raises NotFound, Conflict for one that runs.
    """
    container = store.get(container_id)
    status = store.status(container)
    if status in (Status.RUNNING, Status.PAUSED) and not is_forced:
        raise Conflict(f"cannot delete container {container_id} that is not stopped: {status}")
    kill_all(store, container)
    store.cgroups.remove(container.cgroup)
    run_poststop(diary, container, store.spec(container))
    store.remove(container)


def kill_all(store: Store, container: Container) -> None:
    """End every process of the container, those its first one left behind included."""
    store.cgroups.kill(container.cgroup)
