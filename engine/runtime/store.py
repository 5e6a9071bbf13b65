"""What is known of containers between two calls of the command line: a folder below `--root` for each.

`config.json` is the bundle's as it was at create (a later change of the bundle changes nothing), `state.json` says
what came of it, `start.sock` is there while the program waits for `start`.
"""

import fcntl
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.cgroups import CgroupManager
from engine.errors import Conflict, InvalidSpec, NotFound
from engine.launcher import records
from engine.runtime import sockets
from engine.spec.runtime import Spec
from engine.sys import process

_ID = re.compile(r"[\w+.-]{1,1024}", re.ASCII)
_PARENT = "moorage/runtime"


class Status(StrEnum):
    """runtime-spec's states of a container, and paused, which it leaves to runtimes."""

    CREATING = "creating"
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Container:
    """`state.json`. `ticks` and `boot` tell the first process from a later one with the same pid.

    `small_limits` are files of its group and what they said before they were raised for as long as it waits.
    """

    id: str
    bundle: str
    cgroup: str
    created_at: str
    pid: int = 0
    ticks: int = 0
    boot: str = ""
    small_limits: tuple[tuple[str, str], ...] = ()

    @property
    def is_alive(self) -> bool:
        """Whether its first process still runs, or waits to."""
        return process.is_alive(self.pid, self.ticks, self.boot)


class Store:
    """All containers of one `--root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cgroups = CgroupManager(_PARENT)

    def folder(self, container_id: str) -> Path:
        """Its folder, whether it exists or not. Raises InvalidSpec for what cannot be an id."""
        if not _ID.fullmatch(container_id) or container_id in (".", ".."):
            raise InvalidSpec("id", f"{container_id[:80]!r} is not letters, digits, '_', '+', '-' and '.'")
        return self.root / container_id

    def ids(self) -> list[str]:
        """Every container's."""
        if not self.root.is_dir():
            return []
        with os.scandir(self.root) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())

    def add(self, container_id: str, bundle: Path, cgroup: str, config: Any) -> Container:
        """Take the id. Raises Conflict when it is taken."""
        folder = self.folder(container_id)
        self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            raise Conflict(f"There is a container {container_id} already.") from None
        (folder / "config.json").write_text(json.dumps(config))
        return self._save(Container(container_id, str(bundle), cgroup, records.now()))

    def set_process(self, container: Container, pid: int, small_limits: tuple[tuple[str, str], ...]) -> Container:
        """Note down which process is its first, and which limits have been raised for it."""
        ticks, boot = process.start_ticks(pid), process.boot_id()
        return self._save(replace(container, pid=pid, ticks=ticks, boot=boot, small_limits=small_limits))

    def forget_limits(self, container: Container) -> Container:
        """Note down that what was raised is as it should be."""
        return self._save(replace(container, small_limits=()))

    def _save(self, container: Container) -> Container:
        path = self.folder(container.id) / "state.json"
        fresh = path.with_name("state.json.new")
        fresh.write_text(json.dumps(asdict(container)))
        fresh.rename(path)
        return container

    def get(self, container_id: str) -> Container:
        """Raises NotFound."""
        try:
            value = json.loads((self.folder(container_id) / "state.json").read_bytes())
        except FileNotFoundError:
            raise NotFound(f"container {container_id} does not exist") from None
        return Container(**value | {"small_limits": tuple((path, text) for path, text in value["small_limits"])})

    def spec(self, container: Container) -> Spec:
        """The bundle's configuration as it was at create."""
        return Spec.from_json(json.loads((self.folder(container.id) / "config.json").read_bytes()))

    def set_spec(self, container: Container, spec: Spec) -> None:
        """Note down a configuration that was changed since (`update`)."""
        path = self.folder(container.id) / "config.json"
        fresh = path.with_name("config.json.new")
        fresh.write_text(json.dumps(spec.to_json()))
        fresh.rename(path)

    def status(self, container: Container) -> Status:
        """Where it is in its life now."""
        if not container.pid:
            return Status.CREATING
        if not container.is_alive:
            return Status.STOPPED
        if _is_waiting(self.gate(container.id)):
            return Status.CREATED
        return Status.PAUSED if self.cgroups.is_frozen(container.cgroup) else Status.RUNNING

    def gate(self, container_id: str) -> Path:
        """The socket its program waits at for `start`."""
        return self.folder(container_id) / "start.sock"

    @contextmanager
    def locked(self, container: Container) -> Iterator[None]:
        """Hold the container's lock, so that of two calls that would start it the second finds it started."""
        fd = os.open(self.folder(container.id) / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def remove(self, container: Container) -> None:
        """Forget it."""
        shutil.rmtree(self.folder(container.id))


def _is_waiting(gate: Path) -> bool:
    """Whether a program waits at the socket: it may still be there when whoever let the program go was killed."""
    try:
        with sockets.connected(gate, socket.SOCK_SEQPACKET):
            return True
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def state(container: Container, spec: Spec, status: Status) -> dict[str, Any]:
    """The container's state as runtime-spec has it (runtime.md, "State")."""
    has_process = status not in (Status.CREATING, Status.STOPPED)
    value: dict[str, Any] = {
        "ociVersion": spec.oci_version,
        "id": container.id,
        "status": str(status),
        "pid": container.pid if has_process else 0,
        "bundle": container.bundle,
    }
    return value | ({"annotations": dict(spec.annotations)} if spec.annotations else {})
