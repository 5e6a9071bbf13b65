"""Keeps a container's plan beside the bundle it was compiled from, so that a start has nothing to parse or decide.

The file `compiled` in the container's folder is a copy of what could be computed again at any time: it counts only
while bundle, host and engine are those it was made from.
"""

import json
import marshal
import os
import pickle
import zlib
from pathlib import Path

from engine.container import care, hooks, log_plan, mount_sources, networks, other_runtimes, plan, state
from engine.container.namespaces import CONTAINER
from engine.container.runtime import Runtime
from engine.launcher import messages
from engine.launcher.messages import Plan
from engine.spec.runtime import Resources, Spec
from engine.sys import process

_ROOM_BYTES = 5 * 4096  # gives way to an end and the request for it on a full disk (`full_disk.make_room`)

Kept = tuple[str, Plan, Resources]
"""What the plan was made from, the plan, and the limits of the control group."""


def load(runtime: Runtime, folder: Path, record: state.Record, *, run: int, restarts: int) -> tuple[Plan, Resources]:
    """The plan for this run of the container in `folder`, and the limits of its control group.

    Folders of the host that are mounted and went away are made again where they may be. Raises InvalidSpec,
    Unsupported.
    """
    made_from = _origin(runtime, folder)
    kept = _read(folder)
    if kept is None or kept[0] != made_from or _misses_a_source(kept[1]):
        spec = Spec.from_json(json.loads((folder / "config.json").read_bytes()))
        mount_sources.make_missing(folder, spec)
        kept = keep(runtime, folder, record, spec)
    return kept[1]._replace(run=run, restarts=restarts, log=log_plan.settings(folder, record)), kept[2]


def renew(runtime: Runtime, folder: Path, record: state.Record) -> None:
    """Compile the plan anew if it is of another version: a shim from before an update takes it for the next run.

    Raises InvalidSpec, Unsupported.
    """
    kept = _read(folder)
    if kept is None or kept[0] != _origin(runtime, folder):
        keep(runtime, folder, record, Spec.from_json(json.loads((folder / "config.json").read_bytes())))


def keep(runtime: Runtime, folder: Path, record: state.Record, spec: Spec) -> Kept:
    """Compile the bundle `spec`, for the starts to come. Raises InvalidSpec, Unsupported."""
    kept = (_origin(runtime, folder), _compile(runtime, folder, record, spec), spec.linux.resources)
    _write(folder, kept)
    return kept


def _misses_a_source(made: Plan) -> bool:
    paths = (source[0] for source in made.sources if isinstance(source[0], str))  # no image goes while it is used
    return not all(path.startswith(CONTAINER) or os.path.lexists(path) for path in paths)


def _compile(runtime: Runtime, folder: Path, record: state.Record, spec: Spec) -> Plan:
    cgroup = runtime.cgroups.find(record.cgroup)
    return plan.make(
        record.id,
        spec,
        run=0,
        folder=folder,
        log=log_plan.settings(folder, record),
        layers=runtime.images.lower_layers(runtime.images.get(record.image)),
        observed=runtime.observed,
        cgroup=cgroup,
        hierarchies=list(runtime.cgroups.hierarchies),
        volumes=runtime.volumes.root,
        opens_stdin=record.opens_stdin,
        endpoints=networks.endpoints(runtime, record),
        deadline=care.deadline(record),
        care=care.pack(record, spec, cgroup),
        other_runtime=other_runtimes.command(runtime, spec.annotations),
        hooks=hooks.pack(record.id, folder, spec),
    )


def _origin(runtime: Runtime, folder: Path) -> str:
    """What the plan depends on: the bundle, which is only ever replaced, this boot of this host, the engine's code."""
    bundle = os.stat(folder / "config.json")
    made = (bundle.st_ino, bundle.st_mtime_ns, bundle.st_size, process.boot_id(), CODE, str(folder))
    return repr((made, str(runtime.observed)))


def _checksum() -> int:
    found = 0
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        found = zlib.crc32(path.read_bytes(), found)
    return found


CODE = _checksum()
"""Of the engine's code as this process loaded it: at a start there may be another on the disk already."""


def _read(folder: Path) -> Kept | None:
    try:
        data = (folder / messages.COMPILED).read_bytes()
    except FileNotFoundError:
        return None
    try:
        made_from, packed, resources = marshal.loads(data)  # noqa: S302 - written by root, into a folder of root's alone
        return made_from, messages.unpack_plan(packed), pickle.loads(resources)  # noqa: S301 - as above
    except (
        *(messages.OtherVersion, EOFError, ValueError, TypeError, pickle.UnpicklingError),
        *(AttributeError, ImportError),
    ):
        return None  # cut short, or of another engine


def _write(folder: Path, kept: Kept) -> None:
    made_from, made, resources = kept
    data = marshal.dumps((made_from, messages.pack_plan(made), pickle.dumps(resources)))
    state.write_file(folder / messages.COMPILED, data.ljust(_ROOM_BYTES, b"\0"), durable=False)
