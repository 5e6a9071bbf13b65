"""commit: an image made of a container, with what it wrote as one more layer."""

import json
import os
import stat
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path

from engine.container import as_image, state
from engine.container.diff import opened_upper
from engine.container.pause import standing_still
from engine.container.runtime import Runtime
from engine.errors import Conflict
from engine.images import Addition, Image, instructions
from engine.images.layers.unpack import OPAQUE_MARKER, WHITEOUT
from engine.images.tar.pack import Packer
from engine.images.tar.unpack import DEVICES
from engine.rootfs.ids import Ids
from engine.rootfs.upper import Upper, UpperEntry
from engine.rootfs.walk import join
from engine.spec.container import ContainerSpec
from engine.spec.progress import IsCancelled, Progress

Tar = Generator[bytes, None, None]


def commit(
    runtime: Runtime,
    container_id: str,
    reference: str | None,
    *,
    changes: Sequence[str],
    author: str,
    message: str,
    pause: bool,
    progress: Progress | None,
    is_cancelled: IsCancelled | None,
) -> Image:
    """Make an image of the container, nameless where `reference` is None.

    One that runs stands still while its files are read, if it is to `pause`; its other verbs wait until then.

    The image runs as the container does (command, environment, user …) unless one of `changes` (Dockerfile
    instructions: `CMD`, `ENV` …) says otherwise. What is in mounts is not part of it. Raises NotFound, InvalidSpec
    naming the change, Conflict for a device that no image may hold, StorageFull, Cancelled.
    """
    folder = runtime.folder(container_id)
    base = runtime.images.get(state.load_record(folder).image)
    spec = ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))
    config = instructions.apply(changes, as_image.config_of(runtime.images.config(base).get("config") or {}, spec))
    with ExitStack() as resources:
        upper = resources.enter_context(opened_upper(folder, runtime.images.lower_layers(base)))
        is_changed = next(upper.entries(), None) is not None
        layer = _still(runtime, container_id, _layer(upper)) if pause else _layer(upper)
        resources.callback(layer.close)
        addition = Addition(layer if is_changed else None, config, _command(folder), author, message)
        return runtime.images.commit(base, addition, reference=reference, progress=progress, is_cancelled=is_cancelled)


def _still(runtime: Runtime, container_id: str, layer: Tar) -> Tar:
    """The same, while the container stands still: from the first piece that is asked for to the last."""
    with runtime.locked(container_id) as folder, standing_still(runtime, folder):
        yield from layer


def _layer(upper: Upper) -> Tar:
    """The tar of what the writable layer holds, in order of names; removals as markers (layer.md, "Whiteouts").

    Owners need no translation: on the disk they are the container's own.
    """
    packer = Packer(Ids())
    for entry in upper.entries():
        if entry.is_whiteout:
            if entry.below is not None:
                folder, _, name = entry.path.rpartition(b"/")
                yield packer.marker(join(folder, WHITEOUT + name))
            continue
        _check_device(entry)
        yield from packer.entry(entry.path, entry.found)
        if entry.is_opaque and entry.is_merged_folder:
            yield packer.marker(join(entry.path, OPAQUE_MARKER))
    yield packer.end()


def _check_device(entry: UpperEntry) -> None:
    info = entry.found.info
    is_harmless = stat.S_ISCHR(info.st_mode) and (os.major(info.st_rdev), os.minor(info.st_rdev)) in DEVICES
    if (stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode)) and not is_harmless:
        raise Conflict(
            f"/{os.fsdecode(entry.path)} is a device that no image may hold.",
            hint="Remove it inside the container; give devices to the containers that need them.",
        )


def _command(folder: Path) -> str:
    """What the container ran, for the image's history."""
    process = json.loads((folder / "config.json").read_bytes())["process"]
    return " ".join(process["args"])
