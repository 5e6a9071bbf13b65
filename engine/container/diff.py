"""diff: what a container changed in the files of its image."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.container import state
from engine.container.runtime import Runtime
from engine.rootfs import Snapshot
from engine.rootfs.upper import Upper, UpperEntry
from engine.rootfs.walk import join
from engine.spec import runtime as oci
from engine.spec.files import Change, ChangeKind


def diff(runtime: Runtime, container_id: str) -> Iterator[Change]:
    """Every path that was added, changed or deleted, folders before what is in them, read as it is asked for.

    As with Docker, a folder counts as changed when its owner, mode or time did, or when a name in it came or went; of a
    folder that was deleted only itself is told; what is in mounts is not part of it. The container may run meanwhile.
    Raises NotFound.
    """
    folder = runtime.folder(container_id)
    record = state.load_record(folder)
    lower = runtime.images.lower_layers(runtime.images.get(record.image))
    return _changes(folder, lower)


def _changes(folder: Path, lower: list[Path]) -> Iterator[Change]:
    with opened_upper(folder, lower) as upper:
        for entry in upper.entries():
            kind = _kind(upper, entry)
            if kind is not None:
                yield _change(entry.path, kind)
            if entry.is_opaque and entry.is_merged_folder:
                for name in upper.hidden_names(entry.path):
                    yield _change(join(entry.path, name), ChangeKind.DELETED)


@contextmanager
def opened_upper(folder: Path, lower: list[Path]) -> Iterator[Upper]:
    """The writable layer of the container in `folder`, over the image's layers `lower` (top-most first)."""
    snapshot = Snapshot(folder)
    below = snapshot.open_below(lower)
    try:
        upper = os.open(snapshot.upper, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield Upper(upper, below, _mount_points(folder))
        finally:
            os.close(upper)
    finally:
        os.close(below)


def _mount_points(folder: Path) -> frozenset[bytes]:
    spec = oci.Spec.from_json(json.loads((folder / "config.json").read_bytes()))
    return frozenset(os.fsencode(os.path.normpath(mount.destination).lstrip("/")) for mount in spec.mounts)


def _kind(upper: Upper, entry: UpperEntry) -> ChangeKind | None:
    if entry.is_whiteout:
        return ChangeKind.DELETED if entry.below is not None else None
    if entry.below is None:
        return ChangeKind.ADDED
    if not entry.is_merged_folder:
        return ChangeKind.CHANGED
    return ChangeKind.CHANGED if _is_changed_folder(upper, entry, entry.below) else None


def _is_changed_folder(upper: Upper, entry: UpperEntry, below: os.stat_result) -> bool:
    now = entry.found.info
    if (now.st_mode, now.st_uid, now.st_gid) != (below.st_mode, below.st_uid, below.st_gid) or entry.is_opaque:
        return True
    if upper.holds_mount_point(entry.path):  # made for the mount at the container's start, which changed the time
        return upper.changes_names(entry.path)
    return now.st_mtime_ns != below.st_mtime_ns


def _change(path: bytes, kind: ChangeKind) -> Change:
    return Change("/" + os.fsdecode(path), kind)
