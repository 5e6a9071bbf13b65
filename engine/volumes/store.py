"""The volumes of one host: made, found, filled and removed, each step whole or not at all.

volumes/<name>/_data         what is mounted
volumes/<name>/volume.json   when and for whom it was made, labels
volumes/.new-…, .removed-…   one on its way in or out
volumes/lock                 shared while a container that uses volumes is made, exclusive while one is removed
"""

import builtins
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.errors import Conflict, DamagedStore, NotFound
from engine.launcher import records
from engine.spec import codec
from engine.spec.mounts import VOLUME_NAME, check_volume_name
from engine.sys.remove_tree import remove_tree
from engine.volumes import filling
from engine.volumes.volume import RECORD, Record, RemovedVolumes, Volume

log = logging.getLogger(__name__)

Users = Callable[[], Mapping[str, Sequence[str]]]
"""Gives the names of the containers that use each volume, by the volume's name."""

_MODE = 0o755


class VolumeStore:
    """Volumes below `root`, which is made at the first use."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def data(self, name: str) -> Path:
        """The folder that is mounted."""
        return self.root / name / "_data"

    @contextmanager
    def held(self, *, is_exclusive: bool = False) -> Iterator[None]:
        """No volume goes meanwhile: around everything from naming one to being counted among its users."""
        os.makedirs(self.root, mode=0o711, exist_ok=True)
        fd = os.open(self.root / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if is_exclusive else fcntl.LOCK_SH)
            yield
        finally:
            os.close(fd)

    def create(self, name: str = "", *, labels: Mapping[str, str] | None = None, owner: str = "") -> str:
        """Make the volume unless it is there; returns its name, a new one where none is given.

        `owner` is the container an anonymous volume is made for. Raises InvalidSpec.
        """
        is_anonymous = not name
        name = name or secrets.token_hex(32)
        check_volume_name("name", name)
        os.makedirs(self.root, mode=0o711, exist_ok=True)
        if (self.root / name).exists():
            return name
        fresh = self.root / f".new-{secrets.token_hex(8)}"
        os.makedirs(fresh / "_data", mode=_MODE)
        os.chmod(fresh / "_data", _MODE)
        _write(fresh, Record(records.now(), dict(labels or {}), is_anonymous, owner))
        try:
            fresh.rename(self.root / name)
        except OSError:  # somebody else was faster; a folder with contents is not replaced
            remove_tree(fresh)
            if not (self.root / name).is_dir():
                raise
        return name

    def names(self) -> builtins.list[str]:
        """Every volume, sorted. What else is in the folder was put there by somebody and is left alone."""
        if not self.root.is_dir():
            return []
        names = (name for name in os.listdir(self.root) if VOLUME_NAME.fullmatch(name))
        return sorted(name for name in names if (self.root / name / RECORD).is_file())

    def list(self, users: Users) -> builtins.list[Volume]:
        """Every volume of this host, by name. One that is damaged is left out, and the log tells."""
        used_by = users()
        found = []
        for name in self.names():
            try:
                found.append(self._volume(name, used_by))
            except NotFound:
                continue  # removed while this list was made
            except DamagedStore as error:
                log.error("%s", error.message)
        return found

    def get(self, name: str, users: Users) -> Volume:
        """The volume. Raises NotFound."""
        return self._volume(name, users())

    def fill(self, name: str, source: int) -> None:
        """Copy what is in the folder `source` is open on into the volume, if that is empty still."""
        filling.fill(self.root / name, source)

    def remove(self, name: str, users: Users, *, is_missing_ok: bool = False) -> None:
        """Take it away. Raises NotFound, and Conflict naming the containers that use it."""
        with self.held(is_exclusive=True):
            if not self._exists(name):
                if is_missing_ok:
                    return
                raise _not_found(name)
            if containers := users().get(name):
                raise Conflict(
                    f"Volume {name} is used by {', '.join(sorted(containers))}.", hint="Remove these containers first."
                )
            self._discard(name)

    def prune(self, names: Sequence[str], users: Users) -> RemovedVolumes:
        """Remove those of the named volumes that no container uses (now, whatever a list said before)."""
        removed, freed_bytes = [], 0
        with self.held(is_exclusive=True):
            used_by = users()
            for name in names:
                if self._exists(name) and not used_by.get(name):
                    freed_bytes += _disk_bytes(self.root / name)
                    self._discard(name)
                    removed.append(name)
        return RemovedVolumes(tuple(removed), freed_bytes)

    def leave(self, owner: str, names: Collection[str], users: Users, *, with_volumes: bool) -> None:
        """Container `owner` goes; of the volumes it uses, with it go, if `with_volumes`, those made for it alone."""
        with self.held(is_exclusive=True):
            owned = [name for name in names if self._exists(name) and self._owner(name) == owner]
            used_by = users() if owned and with_volumes else {}
            for name in owned:
                if with_volumes and not used_by.get(name):
                    self._discard(name)
                else:
                    self._disown(name)

    def forget(self, owner: str) -> None:
        """Container `owner` never came to be: nobody but it has the volumes made for it."""
        for name in self._owned_by({owner}.__contains__):
            self._discard(name)

    def repair(self, containers: Collection[str]) -> None:
        """Finish or undo what was half done; volumes made for a container that never came to be are removed."""
        if not self.root.is_dir():
            return
        with self.held(is_exclusive=True):
            with os.scandir(self.root) as entries:
                hidden = [Path(entry.path) for entry in entries if entry.name.startswith(".")]
            for path in hidden:
                remove_tree(path)
            for name in self._owned_by(lambda owner: owner not in containers):
                self._discard(name)
            for name in self.names():
                filling.settle(self.root / name)

    def _owned_by(self, matches: Callable[[str], bool]) -> builtins.list[str]:
        owners = {name: self._owner(name) for name in self.names()}
        return [name for name, owner in owners.items() if owner and matches(owner)]

    def _owner(self, name: str) -> str:
        """The container the volume goes with; nobody's if it is damaged, so that it stays."""
        try:
            return Record.read(self.root / name).owner
        except DamagedStore as error:
            log.error("%s", error.message)
            return ""

    def _disown(self, name: str) -> None:
        record = Record.read(self.root / name)
        _write(self.root / name, Record(record.created_at, record.labels, record.is_anonymous, "", record.driver))

    def _discard(self, name: str) -> None:
        gone = self.root / f".removed-{secrets.token_hex(8)}"
        (self.root / name).rename(gone)
        remove_tree(gone)

    def _exists(self, name: str) -> bool:
        return bool(VOLUME_NAME.fullmatch(name)) and (self.root / name / RECORD).is_file()

    def _volume(self, name: str, used_by: Mapping[str, Sequence[str]]) -> Volume:
        if not VOLUME_NAME.fullmatch(name):
            raise _not_found(name)
        try:
            record = Record.read(self.root / name)
        except FileNotFoundError:
            raise _not_found(name) from None
        return Volume(
            name=name,
            driver=record.driver,
            mountpoint=str(self.data(name)),
            created_at=record.created_at,
            labels=record.labels,
            is_anonymous=record.is_anonymous,
            used_by=tuple(sorted(used_by.get(name, ()))),
        )


def _not_found(name: str) -> NotFound:
    return NotFound(f"There is no volume {name[:80]} on this host.")


def _disk_bytes(folder: Path) -> int:
    """What the tree takes on the disk, a file with several names once."""
    taken: dict[int, int] = {}
    for at, names, files in os.walk(folder):
        for name in (*names, *files):
            info = os.lstat(os.path.join(at, name))
            taken[info.st_ino] = info.st_blocks * 512
    return sum(taken.values())


def _write(folder: Path, record: Record) -> None:
    path = folder / RECORD
    path.with_suffix(".new").write_text(json.dumps(codec.to_json(record)))
    path.with_suffix(".new").rename(path)
    records.sync(str(path))
