"""Opens a container's root to look at it from outside, whether it runs or not."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.container import runs, state, wait
from engine.container.runtime import Runtime
from engine.errors import KernelError
from engine.rootfs import Snapshot, visit
from engine.rootfs.ids import Ids
from engine.sys import process


@dataclass(frozen=True)
class Root:
    """A descriptor of the root folder, and how the owners of what is in it are seen from inside."""

    fd: int
    ids: Ids


def open_bare(runtime: Runtime, folder: Path, resources: ExitStack) -> Root:
    """The root without anything that is mounted in it, for reading; `resources` closes it. Raises NotFound."""
    lower = runtime.images.layer_paths(runtime.images.get(state.load_record(folder).image))
    root = _visited(folder, visit.open_bare_root) or Root(Snapshot(folder).open_merged(lower), Ids())
    resources.callback(os.close, root.fd)
    return root


def _visited(folder: Path, opens: Callable[[], int]) -> Root | None:
    """What `opens` finds in the mount namespace of the container's first process, None when that does not run."""
    started = runs.read_started(folder)
    pidfd = wait.open_process(folder)
    if started is None or pidfd is None:
        return None
    try:
        ids = Ids.of_process(started.pid)
        root = Root(visit.visit(pidfd, opens), ids)
    except (OSError, KernelError):
        if wait.has_ended(pidfd, 0):
            return None
        raise
    finally:
        os.close(pidfd)
    if process.is_alive(started.pid, started.ticks, started.boot):
        return root
    os.close(root.fd)
    return None
