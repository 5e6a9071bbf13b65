"""Opens a container's root to work on it from outside, whether the container runs or not.

One that runs is seen through its own mount namespace. For one that does not, a namespace is made that holds its root
and what is bound into it, and goes with the last descriptor of it.
"""

import functools
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.container import bound, runs, state, volumes, wait
from engine.container.runtime import Runtime
from engine.errors import Conflict, KernelError
from engine.rootfs import Snapshot, visit
from engine.rootfs.ids import Ids
from engine.spec.container import Status
from engine.sys import process


@dataclass(frozen=True)
class Root:
    """A descriptor of the root folder, and how the owners of what is in it are seen from inside."""

    fd: int
    ids: Ids


def open_bare(runtime: Runtime, folder: Path, resources: ExitStack) -> Root:
    """The root without anything that is mounted in it, for reading; `resources` closes it. Raises NotFound."""
    lower = _lower(runtime, folder)
    root = _visited(folder, visit.open_bare_root, resources)
    if root is not None:
        return root
    fd = Snapshot(folder).open_merged(lower)
    resources.callback(os.close, fd)
    return Root(fd, Ids())


def open_mounted(runtime: Runtime, folder: Path, resources: ExitStack) -> Root:
    """The root with its mounts, for reading; of a container that does not run, those that are bound from the host."""
    lower = _lower(runtime, folder)
    return open_running(folder, resources) or _attached(runtime, folder, Snapshot(folder).open_merged(lower), resources)


def open_running(folder: Path, resources: ExitStack) -> Root | None:
    """The root of a running container with its mounts, to read and write; None when it does not run."""
    return _visited(folder, visit.open_root, resources)


def open_to_write(runtime: Runtime, container_id: str, resources: ExitStack) -> Root:
    """The root with its mounts, to read and write; of one that does not run, its lock is held until `resources` go.

    Raises NotFound, and Conflict between two runs.
    """
    folder = runtime.folder(container_id)
    if (root := open_running(folder, resources)) is not None:
        return root
    resources.enter_context(runtime.locked(container_id))
    current = wait.await_record(folder)
    if current.status is Status.RESTARTING:  # by its shim, which asks for no lock
        raise Conflict(f"Container {current.name} is being restarted.", hint="Try again when it runs, or stop it.")
    # It may have been started just before the lock was ours.
    return open_running(folder, resources) or open_writable(runtime, folder, resources)


def open_writable(runtime: Runtime, folder: Path, resources: ExitStack) -> Root:
    """The root, with what is bound into it, of a container that does not run and cannot start: its lock is held."""
    wait.await_shim(folder)
    return _attached(
        runtime, folder, Snapshot(folder).open_writable(_lower(runtime, folder)), resources, is_writable=True
    )


def _lower(runtime: Runtime, folder: Path) -> list[Path]:
    return runtime.images.lower_layers(runtime.images.get(state.load_record(folder).image))


def _attached(
    runtime: Runtime, folder: Path, root_mount: int, resources: ExitStack, *, is_writable: bool = False
) -> Root:
    resources.callback(os.close, root_mount)
    binds = bound.read(folder, runtime.volumes.root)
    if not binds.sources and not binds.is_read_only:
        return Root(root_mount, Ids())
    resources.enter_context(volumes.mounted(runtime, state.load_record(folder).mounted_volumes))
    rootfs = Snapshot(folder).rootfs
    attach = functools.partial(bound.attach, binds, root_mount, rootfs, resources, is_writable=is_writable)
    return Root(visit.visit_copy(attach), Ids())


def _visited(folder: Path, opens: Callable[[], int], resources: ExitStack) -> Root | None:
    """What `opens` finds in the mount namespace of the container's first process, None when that does not run."""
    started = runs.read_started(folder)
    pidfd = wait.open_process(folder)
    if started is None or pidfd is None:
        return None
    try:
        ids = Ids.of_process(started.pid)
        fd = visit.visit(pidfd, opens)
    except (OSError, KernelError):
        if wait.has_ended(pidfd, 0):
            return None
        raise
    finally:
        os.close(pidfd)
    resources.callback(os.close, fd)
    # Otherwise the process is another than the one whose ids were read.
    return Root(fd, ids) if process.is_alive(started.pid, started.ticks, started.boot) else None
