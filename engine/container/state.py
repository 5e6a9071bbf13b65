"""What is known of a container, read from its folder: who wrote which file, and which step may follow on which.

`state.json` is the engine's: identity, the number of the run, and what it set out to do. `started.json` and `exit.json`
are the shim's (`engine/launcher/records.py`). Joined by the run's number they give the state; no file has two writers,
so no update is lost whatever is killed between any two of them. A run begun by the restart policy has a number that the
engine has not given, so the current run is the largest of the three.

Engine and shim count their changes apart, neither count ever goes back, and `seq` is their sum: it grows with each.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from engine.container import full_disk, runs
from engine.errors import Conflict, NotFound
from engine.launcher import records
from engine.spec.container import ContainerState, Status
from engine.sys import process

LEGAL = {
    Status.CREATED: {Status.RUNNING, Status.EXITED, Status.REMOVING},
    Status.RUNNING: {Status.PAUSED, Status.RESTARTING, Status.EXITED},
    Status.PAUSED: {Status.PAUSED, Status.RUNNING, Status.RESTARTING, Status.EXITED},
    Status.RESTARTING: {Status.RUNNING, Status.RESTARTING, Status.EXITED},
    Status.EXITED: {Status.RUNNING, Status.EXITED, Status.REMOVING},
    Status.REMOVING: {Status.REMOVING},
}
"""EXITED after CREATED is a start that failed; RESTARTING is between two runs by the restart policy."""


class Intent(StrEnum):
    """What the engine last set out to do with the container."""

    CREATE = "create"
    START = "start"
    REMOVE = "remove"


@dataclass(frozen=True)
class Record:
    """`state.json`. `seq` counts the engine's own changes, `run` is the last run it asked for.

    `volumes` are names by the place they are mounted on; `drops_volumes` is decided with a removal.
    `mounted_images` are ids of images by the place they are mounted on.
    `mounts_from` are mounts it has from others (`volumes_from`), as these had them when it was created.
    `paused_run` is the last run that was paused. `log_driver` is empty for the usual one with its usual options.
    `uses_cdi`: its bundle is made anew at each start. `mounted_volumes` are names of volumes mounted for each of them.
    `networks` are ids of those it is in, `ports` what it publishes, as `PublishedPort` has it.
    """

    id: str
    name: str
    image: str
    created_at: str
    seq: int
    run: int = 0
    intent: Intent = Intent.CREATE
    auto_remove: bool = False
    expires_at: str = ""
    care: Mapping[str, Any] | None = None
    volumes: Mapping[str, str] = field(default_factory=dict)
    drops_volumes: bool = False
    mounted_images: Mapping[str, str] = field(default_factory=dict)
    mounts_from: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    cgroup_parent: str = ""
    paused_run: int = 0
    opens_stdin: bool = False
    log_driver: str = ""
    uses_cdi: bool = False
    mounted_volumes: Sequence[str] = ()
    networks: Sequence[str] = ()
    ports: Sequence[Mapping[str, Any]] = ()

    @property
    def cgroup(self) -> str:
        """The path of its control group, as `CgroupManager` takes it."""
        return f"{self.cgroup_parent}/{self.id}" if self.cgroup_parent else self.id


def check_step(state: ContainerState, to: Status) -> None:
    """Raise Conflict unless `to` may follow on the container's status."""
    if to not in LEGAL[state.status]:
        wanted = {Status.RUNNING: "started", Status.REMOVING: "removed", Status.EXITED: "stopped"}.get(to, to)
        hint = "Stop it first, or force the removal." if to is Status.REMOVING else ""
        raise Conflict(f"Container {state.name} is {state.status} and cannot be {wanted}.", hint=hint)


def load_records(folders: Iterable[Path]) -> Iterator[Record]:
    """Those of the containers in these folders; one that was removed meanwhile is left out."""
    for folder in folders:
        with suppress(NotFound):
            yield load_record(folder)


def load_record(folder: Path) -> Record:
    """Read `state.json`. Raises NotFound when there is no such container."""
    try:
        value = json.loads((folder / "state.json").read_bytes())
    except FileNotFoundError:
        raise NotFound(f"There is no container {folder.name} on this host.") from None
    return Record(**value | {"intent": Intent(value["intent"])})


def advance(folder: Path, record: Record, *, intent: Intent, run: int | None = None, durable: bool = False) -> Record:
    """Write down the engine's next step. `durable` waits for the disk."""
    run = record.run if run is None else run
    return save(folder, replace(record, intent=intent, run=run), durable=durable)


def save(folder: Path, record: Record, *, durable: bool = False) -> Record:
    """Write `record` down as one more change; returns it with its number."""
    record = replace(record, seq=record.seq + 1)
    write_file(folder / "state.json", json.dumps(asdict(record)).encode(), durable=durable)
    return record


class Files(NamedTuple):
    """What the three files of a container say, each by itself."""

    record: Record
    started: records.Started | None
    end: records.Exit | None


def read(folder: Path) -> Files:
    """The three files of the container in `folder`. Raises NotFound."""
    return Files(load_record(folder), runs.read_started(folder), runs.read_exit(folder))


def load(folder: Path) -> ContainerState:
    """The container's state now. Raises NotFound."""
    return join(folder, read(folder))


def join(folder: Path, files: Files) -> ContainerState:
    """The state that the files of the container in `folder` make together."""
    record, started, end = files
    health = runs.read(folder / "health.json")
    seq = record.seq + _shims_changes(started, end) + (health["change"] if health is not None else 0)
    run = current_run(record, started, end)
    if started is not None and started.run != run:
        started = None
    state = ContainerState(
        id=record.id,
        name=record.name,
        image=record.image,
        seq=seq,
        run=run,
        status=Status.REMOVING if record.intent is Intent.REMOVE else Status.CREATED,
        pid=0,
        created_at=record.created_at,
        started_at=started.started_at if started else "",
        restart_count=started.restarts if started else 0,
        expires_at=record.expires_at,
        warnings=tuple(record.warnings),
        mounted_images=tuple(sorted(set(record.mounted_images.values()))),
    )
    if end is not None:
        state = _with_end(state, end)
    if state.status is not Status.CREATED or started is None:
        return state
    if process.is_alive(started.pid, started.ticks, started.boot) or records.has_shim(str(folder)):
        status = Status.PAUSED if record.paused_run == run else Status.RUNNING
        return replace(state, status=status, pid=started.pid, health=_status_of(health, run))
    last = runs.read_exit(folder)
    if last != end:  # written since the files were read, by a shim that has ended since then too
        return join(folder, files._replace(end=last))
    return replace(state, status=Status.EXITED, seq=state.seq + 1, exit_code=255, error=UNSEEN_END)


UNSEEN_END = "The end of this run was seen by nobody, so its exit code is not known."


def current_run(record: Record, started: records.Started | None, end: records.Exit | None) -> int:
    """The number of the last run that anybody began."""
    return max(record.run, started.run if started else 0, end.run if end else 0)


def _status_of(health: Mapping[str, Any] | None, run: int) -> str:
    return str(health["status"]) if health is not None and health["run"] == run else ""


def _shims_changes(started: records.Started | None, end: records.Exit | None) -> int:
    """Each run is three: that it runs, that it seems to have ended seen by nobody, and that its end is recorded."""
    return max(3 * started.run - 2 if started else 0, 3 * end.run if end else 0)


def _with_end(state: ContainerState, end: records.Exit) -> ContainerState:
    """The last end stays visible while a new run is on its way; it is the state only when it is this run's."""
    known: dict[str, Any] = {
        "finished_at": end.finished_at,
        "exit_code": end.exit_code,
        "oom_killed": end.oom_killed,
    }
    if end.run == state.run:
        known |= {"error": end.error, "restart_count": end.restarts}
        if state.status is Status.REMOVING:
            pass
        elif end.restart_ms is None:
            known["status"] = Status.EXITED
        else:
            known |= {"status": Status.RESTARTING, "restart_at": _later(end.finished_at, end.restart_ms)}
    return replace(state, **known)


def _later(time: str, milliseconds: int) -> str:
    moment = datetime.fromisoformat(time) + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def write_file(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace `path` in one rename; with `durable` it is on the disk when this returns. Raises StorageFull."""
    fresh = path.with_name(path.name + ".new")
    with full_disk.told(f"{path.name} of a container"):
        try:
            fresh.write_bytes(data)
            os.rename(fresh, path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
    if durable:
        records.sync(str(path))
