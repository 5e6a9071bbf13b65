"""What is known of the programs that were started in a container beside its own: `exec/<id>/` in its folder.

`asked.json` is the engine's; `started.json` and `exit.json` are the exec shim's,
as a container's are its shim's. A program of an earlier run counts no more; one that has ended is forgotten later.
"""

import fcntl
import json
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.container import runs, state
from engine.errors import InvalidSpec, NotFound
from engine.launcher import records
from engine.launcher.exec_shim import UNSEEN_END
from engine.spec.exec import ExecSpec, ExecState
from engine.sys import process
from engine.sys.remove_tree import remove_tree

_ID = re.compile(r"[0-9a-f]{64}")
_KEPT_S = 300.0


@dataclass(frozen=True)
class Asked:
    """`asked.json`; `run` is the run of the container it was asked in."""

    id: str
    run: int
    created_at: str
    spec: ExecSpec


def folder_of(container: Path, exec_id: str) -> Path:
    """Where the records of one are. Raises InvalidSpec for what cannot be an id."""
    if not _ID.fullmatch(exec_id):
        raise InvalidSpec("exec_id", f"{exec_id[:80]!r} is not 64 hexadecimal digits")
    return container / "exec" / exec_id


def make_folder(folder: Path) -> None:
    """Make the folder of one that is about to be started. Raises FileExistsError for an id that was used."""
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700)


def write_asked(folder: Path, asked: Asked) -> None:
    """Write down what was asked; until then nobody knows of it, whatever becomes of the program."""
    value = asdict(asked) | {"spec": asked.spec.to_json()}
    state.write_file(folder / "asked.json", json.dumps(value).encode(), durable=False)


def load(container: Path, exec_id: str) -> ExecState:
    """The state of one now. Raises NotFound when there is none of this id in the current run."""
    folder = folder_of(container, exec_id)
    asked = _read_asked(folder)
    current = state.load(container)
    if asked is None or asked.run != current.run:
        raise _unknown(current.name, exec_id)
    return load_asked(folder, asked)


def load_asked(folder: Path, asked: Asked) -> ExecState:
    """The state now of one for whoever knows what was asked. Raises NotFound when it was forgotten."""
    end = runs.read(folder / "exit.json")
    is_guarded = end is None and records.has_shim(str(folder))
    end = end or runs.read(folder / "exit.json")  # a guard that is gone by now has written all it had to say
    started = runs.read_started(folder)
    if started is None and not folder.exists():
        raise _unknown(folder.parent.parent.name, asked.id)
    running = end is None and (is_guarded or _lives(started))
    if started is not None and end is None and not running:
        end = {"exit_code": 255, "error": UNSEEN_END}
    return ExecState(
        id=asked.id,
        container=folder.parent.parent.name,
        spec=asked.spec,
        created_at=asked.created_at,
        running=running,
        pid=started.pid if started and running else 0,
        started_at=started.started_at if started else "",
        **(end or {}),
    )


def _lives(started: records.Started | None) -> bool:
    return started is not None and process.is_alive(started.pid, started.ticks, started.boot)


def _unknown(container: str, exec_id: str) -> NotFound:
    return NotFound(f"Container {container} has no exec {exec_id}.")


def load_all(container: Path) -> list[ExecState]:
    """The states of all of the current run, the oldest first. Raises NotFound for the container."""
    state.load_record(container)
    found = []
    for exec_id in ids(container):
        try:
            found.append(load(container, exec_id))
        except NotFound:
            continue  # of an earlier run, or forgotten while this list was made
    return sorted(found, key=lambda one: one.created_at)


def ids(container: Path) -> list[str]:
    """Every one there are records of, of whatever run, in no order."""
    try:
        return [name for name in os.listdir(container / "exec") if _ID.fullmatch(name)]
    except FileNotFoundError:
        return []


def await_end(folder: Path) -> None:
    """Return when no exec shim guards the program any more; sleeps in flock(2)."""
    try:
        fd = os.open(folder / "shim.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def forget_old(container: Path) -> None:
    """Forget those that ended a while ago; looks once in that time at most."""
    try:
        looked_at = os.stat(container / "exec" / "looked").st_mtime
    except FileNotFoundError:
        looked_at = 0.0
    if time.time() - looked_at < _KEPT_S:
        return
    for exec_id in ids(container):
        if _ended_before(folder_of(container, exec_id), time.time() - _KEPT_S):
            remove_tree(folder_of(container, exec_id))
    if (container / "exec").is_dir():
        (container / "exec" / "looked").touch()


def forget_all(container: Path) -> None:
    """Forget every one, when a run of the container is over or a new one begins."""
    remove_tree(container / "exec")


def _ended_before(folder: Path, then: float) -> bool:
    try:
        return os.stat(folder / "exit.json").st_mtime < then
    except FileNotFoundError:
        return os.stat(folder).st_mtime < then and not records.has_shim(str(folder))


def _read_asked(folder: Path) -> Asked | None:
    value = runs.read(folder / "asked.json")
    return None if value is None else Asked(**value | {"spec": ExecSpec.from_json(value["spec"])})
