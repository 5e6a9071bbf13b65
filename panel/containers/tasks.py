"""What a host does with containers: one task, one verb of the engine."""

import hashlib
from dataclasses import replace
from typing import Any

from engine import ContainerSpec, ContainerState, ExecSpec, PruneFilters, Update
from panel.containers import exec_output
from panel.images.told import told as told_image
from panel.operations.host import operation
from panel.operations.work import Outcome, Work
from panel.registries.unsealing import opened as unsealed
from panel.uploads.incoming import opened


@operation("containers.create")
def create(
    work: Work,
    id: str,  # noqa: A002 - the payload's word
    spec: dict[str, Any],
    start: bool,
    pulls: list[dict[str, Any]] | None = None,
) -> Outcome:
    """Create the container and, if asked, start it; `pulls` bring its images first (`panel.containers.pulls`)."""
    pulled = _pulled(work, pulls) if pulls else Outcome()
    state = work.engine.create(id, ContainerSpec.from_json(spec))
    return replace(pulled, containers=[(work.engine.start(id) if start else state).to_json()])


@operation("containers.start")
def start(work: Work, id: str) -> Outcome:  # noqa: A002
    """Start it."""
    return _told(work.engine.start(id))


@operation("containers.stop")
def stop(
    work: Work,
    id: str,  # noqa: A002
    signal: str | None = None,
    timeout_s: float | None = None,
    asked_by: str = "",
) -> Outcome:
    """Stop it."""
    return _told(work.engine.stop(id, signal=signal, timeout_s=timeout_s, asked_by=asked_by))


@operation("containers.kill", is_exclusive=False)
def kill(work: Work, id: str, signal: str = "KILL", asked_by: str = "") -> Outcome:  # noqa: A002
    """Signal it, also while a stop waits for it."""
    return _told(work.engine.kill(id, signal=signal, asked_by=asked_by))


@operation("containers.restart")
def restart(work: Work, id: str, timeout_s: float | None = None, asked_by: str = "") -> Outcome:  # noqa: A002
    """Stop it if it runs and start it."""
    return _told(work.engine.restart(id, timeout_s=timeout_s, asked_by=asked_by))


@operation("containers.pause")
def pause(work: Work, id: str) -> Outcome:  # noqa: A002
    """Let it stand still."""
    return _told(work.engine.pause(id))


@operation("containers.unpause")
def unpause(work: Work, id: str) -> Outcome:  # noqa: A002
    """Let it run on."""
    return _told(work.engine.unpause(id))


@operation("containers.rename")
def rename(work: Work, id: str, name: str) -> Outcome:  # noqa: A002
    """Give it another name."""
    return _told(work.engine.rename(id, name))


@operation("containers.update")
def update(work: Work, id: str, change: dict[str, Any]) -> Outcome:  # noqa: A002
    """Give it other limits or another restart policy."""
    return _told(work.engine.update(id, Update.from_json(change)))


@operation("containers.exec", is_exclusive=False, asks_itself=True)
def execute(work: Work, id: str, spec: dict[str, Any], detach: bool, timeout_s: float) -> Outcome:  # noqa: A002
    """Run one more program in it; unless it is to go on by itself, wait for its end and tell what it wrote.

    The exec's id comes from the operation's: whatever happens to this worker, the program is not run twice.
    """
    wanted = ExecSpec.from_json({**spec, "stdout": not detach, "stderr": not detach})
    exec_id = hashlib.sha256(work.operation.encode()).hexdigest()
    with work.engine.exec(id, wanted, exec_id=exec_id) as running:
        if detach:
            return Outcome(result={"exec_id": exec_id, "pid": running.pid})

        def kill() -> None:
            work.engine.kill_exec(id, exec_id)

        told = exec_output.gather(running, kill, timeout_s=timeout_s, is_cancelled=work.is_cancelled)
    return Outcome(result={"exec_id": exec_id, **told})


@operation("containers.commit", asks_itself=True)
def commit(
    work: Work,
    id: str,  # noqa: A002
    reference: str,
    author: str,
    message: str,
    changes: list[str],
    pause: bool,
) -> Outcome:
    """Make an image of it."""
    image = work.engine.commit(
        id,
        reference or None,
        author=author,
        message=message,
        changes=changes,
        pause=pause,
        progress=work.progress,
        is_cancelled=work.is_cancelled,
    )
    return Outcome(result={"images": [told_image(image)]}, images=[told_image(one) for one in work.engine.images()])


@operation("containers.copy_in", asks_itself=True)
def copy_in(work: Work, id: str, path: str, upload: str) -> Outcome:  # noqa: A002
    """Unpack an uploaded tar into its folder."""
    with opened(work, upload) as tar:
        work.engine.copy_in(id, path, tar)
    return Outcome()


@operation("containers.remove")
def remove(
    work: Work,
    id: str,  # noqa: A002
    force: bool = False,
    with_volumes: bool = False,
    asked_by: str = "",
) -> Outcome:
    """Remove it; one that is not there is removed already."""
    work.engine.remove(id, force=force, with_volumes=with_volumes, asked_by=asked_by)
    return Outcome(removed=[id])


@operation("containers.prune")
def prune(work: Work, filters: dict[str, Any], asked_by: str = "") -> Outcome:
    """Remove those that do not run and are meant."""
    pruned = work.engine.prune(PruneFilters.from_json(filters), asked_by=asked_by)
    told = {"containers": [one.to_json() for one in pruned], "size_bytes": sum(one.size_bytes for one in pruned)}
    return Outcome(result=told, removed=[one.id for one in pruned])


def _pulled(work: Work, pulls: list[dict[str, Any]]) -> Outcome:
    """The images, one after the other, and all of the host once these are among them."""
    brought = [
        work.engine.pull(
            pull["reference"],
            access=unsealed(work, pull["access"]),
            progress=work.progress,
            is_cancelled=work.is_cancelled,
        )
        for pull in pulls
    ]
    images = [told_image(one) for one in work.engine.images()]
    return Outcome(result={"images": [told_image(image) for image in brought]}, images=images)


def _told(state: ContainerState) -> Outcome:
    return Outcome(containers=[state.to_json()])
