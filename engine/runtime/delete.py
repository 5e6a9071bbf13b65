"""delete: nothing of a container is left."""

from engine.errors import Conflict, NotFound
from engine.runtime import resctrl
from engine.runtime.create import run_poststop
from engine.runtime.diary import Diary
from engine.runtime.store import Container, Status, Store


def delete(store: Store, diary: Diary, container_id: str, *, is_forced: bool) -> None:
    """Take a stopped container away, and one whose program never ran; with `is_forced` whatever it is at.

    That is also how what is left of a `create` that was killed goes. Raises NotFound unless forced, Conflict for one
    that runs or is being made.
    """
    try:
        container = store.get(container_id)
    except NotFound:
        if is_forced:
            return
        raise
    status = store.status(container)
    if status in (Status.CREATING, Status.RUNNING, Status.PAUSED) and not is_forced:
        raise Conflict(f"cannot delete container {container_id} that is not stopped: {status}")
    kill_all(store, container)
    store.cgroups.remove(container.cgroup)
    spec = store.spec(container)
    if spec.linux.intel_rdt is not None and not spec.linux.intel_rdt.clos_id:
        resctrl.leave(resctrl.find(), container_id)
    run_poststop(diary, container, spec)
    store.remove(container)


def kill_all(store: Store, container: Container) -> None:
    """End every process of the container, those its first one left behind included."""
    store.cgroups.kill(container.cgroup)
