"""remove: nothing of the container is left."""

import errno
import fcntl
import os
import time
from dataclasses import replace
from pathlib import Path

from engine.container import full_disk, networks, other_runtimes, state, volumes, wait
from engine.container.asked import Asker
from engine.container.runtime import Runtime
from engine.container.state import Intent
from engine.container.stop import stop_locked
from engine.errors import KernelError, NotFound, StorageFull
from engine.rootfs import Snapshot
from engine.spec.container import Status
from engine.sys.remove_tree import remove_tree

_LOOK_S = 1.0


def remove(runtime: Runtime, container_id: str, *, force: bool, with_volumes: bool = False, asked_by: str = "") -> None:
    """Take away cgroups, writable layer, log and records; nothing happens when there is no such container.

    `with_volumes` takes its anonymous volumes too, where no other container uses them.

    Raises Conflict for a running container unless `force`, which kills it first. A removal that was cut short is
    finished by `repair`, or has not begun: that it is one is written down only where data goes before the folder does.
    """
    try:
        with runtime.locked(container_id) as folder:
            current = wait.await_record(folder)
            if force and current.status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING):
                current = stop_locked(runtime, folder, signal="KILL", timeout_s=0, asker=Asker("remove", asked_by))
            state.check_step(current, Status.REMOVING)
            record = state.load_record(folder)
            if current.status is not Status.REMOVING:
                record = replace(record, drops_volumes=with_volumes)
                if record.volumes:  # which go one by one, and before the folder
                    record = _decide(folder, record)
            _finish(runtime, folder, record)
    except NotFound:
        return


def _decide(folder: Path, record: state.Record) -> state.Record:
    """Write the removal down. That a disk is full is no reason against it."""
    try:
        return state.advance(folder, record, intent=Intent.REMOVE, durable=record.drops_volumes)
    except StorageFull:
        if not full_disk.make_room(folder):
            raise
    return state.advance(folder, record, intent=Intent.REMOVE, durable=record.drops_volumes)


def finish(runtime: Runtime, folder: Path) -> None:
    """Take away what is left of a container whose removal was cut short."""
    _finish(runtime, folder, state.load_record(folder))


def _finish(runtime: Runtime, folder: Path, record: state.Record) -> None:
    """The folder itself goes last and in one rename, so it is never seen half empty."""
    gone = folder.with_name(folder.name + ".removed")
    remove_tree(gone)
    with wait.released(folder):
        other_runtimes.forget(runtime, folder)
        _remove_groups(runtime, record.cgroup)
        volumes.leave(runtime, record)
        networks.leave(runtime, record)
        Snapshot(folder).release()
        folder.rename(gone)
    _let_waiting_look(gone)
    remove_tree(gone)


def _remove_groups(runtime: Runtime, path: str) -> None:
    """With whatever is still in them: processes in a pid namespace of others whose end nobody saw to."""
    try:
        runtime.cgroups.remove(path)
    except KernelError as error:
        if error.errno != errno.EBUSY:
            raise
        runtime.cgroups.kill(path)
        runtime.cgroups.remove(path)


def _let_waiting_look(gone: Path) -> None:
    """Give those who wait for the container's end a moment to read how it ended (`engine/container/waiting.py`)."""
    fd = os.open(gone, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + _LOOK_S
        while time.monotonic() < deadline:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.005)
            else:
                return
    finally:
        os.close(fd)
