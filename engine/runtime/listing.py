"""state, list, ps: what containers are and do, as JSON or as a table."""

import os
import pwd
import subprocess
from typing import Any

from engine.runtime.store import Container, Store, state


def state_of(store: Store, container_id: str) -> dict[str, Any]:
    """runtime-spec's state of it, with what runc's callers look for besides. Raises NotFound."""
    return _state(store, store.get(container_id))


def _state(store: Store, container: Container) -> dict[str, Any]:
    spec = store.spec(container)
    found = state(container, spec, store.status(container))
    owner = pwd.getpwuid(os.stat(store.folder(container.id)).st_uid).pw_name
    return found | {"rootfs": spec.root.path, "created": container.created_at, "owner": owner}


def all_states(store: Store) -> list[dict[str, Any]]:
    """Of every container."""
    return [state_of(store, container_id) for container_id in store.ids()]


def table(states: list[dict[str, Any]]) -> str:
    """The states in columns."""
    rows = [("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")]
    rows += [
        tuple(str(one[key]) for key in ("id", "pid", "status", "bundle", "created", "owner"))  # type: ignore[misc]
        for one in states
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def processes(store: Store, container_id: str) -> list[int]:
    """Pids of all in the container, as the host counts them. Raises NotFound."""
    return sorted(store.cgroups.processes(store.get(container_id).cgroup))


def process_table(pids: list[int], arguments: list[str]) -> str:
    """What the host's ps(1) says of them: its heading, and the lines whose PID column names one."""
    ended = subprocess.run(["ps", *(arguments or ["-ef"])], check=True, capture_output=True, text=True)
    heading, *lines = ended.stdout.splitlines()
    column = heading.split().index("PID")
    wanted = {str(pid) for pid in pids}
    return "\n".join([heading, *(line for line in lines if line.split()[column] in wanted)])
