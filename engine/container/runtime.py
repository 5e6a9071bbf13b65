"""Where containers live on this host and what their verbs work with."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.cgroups import CgroupManager
from engine.errors import InvalidSpec, NotFound
from engine.images import ImageStore
from engine.net import NetworkStore
from engine.volumes import VolumeStore

_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Runtime:
    """The folder of all containers, what they are made of and joined by, and the sockets of their births and ends."""

    containers: Path
    images: ImageStore
    volumes: VolumeStore
    networks: NetworkStore
    cgroups: CgroupManager
    launcher: Path
    observed: Path

    def folder(self, container_id: str) -> Path:
        """The container's folder, whether it exists or not. Raises InvalidSpec for what cannot be an id."""
        if not _ID.fullmatch(container_id):
            raise InvalidSpec("id", f"{container_id[:80]!r} is not 64 hexadecimal digits")
        return self.containers / container_id

    def ids(self) -> list[str]:
        """Every container on this host, in no order."""
        if not self.containers.is_dir():
            return []
        return [name for name in os.listdir(self.containers) if _ID.fullmatch(name)]

    def is_locked(self, container_id: str) -> bool:
        """Whether a verb is at work on the container now."""
        try:
            fd = os.open(self.folder(container_id) / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    @contextmanager
    def locked(self, container_id: str) -> Iterator[Path]:
        """Hold the container's lock: one verb at a time, across all processes. Raises NotFound."""
        folder = self.folder(container_id)
        try:
            fd = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            raise NotFound(f"There is no container {container_id} on this host.") from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(fd)
