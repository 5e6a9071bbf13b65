"""The volumes of one host: made, found, filled and removed, each step whole or not at all.

volumes/<name>/_data         what is mounted
volumes/<name>/volume.json   when and for whom it was made, labels, options
volumes/<name>/disk.ext4     what is mounted for a volume with a size, where the disk has no project quotas
volumes/<name>/usage.json    what it took on the disk, and when that was measured
volumes/.new-…, .removed-…   one on its way in or out
volumes/lock                 shared while a container that uses volumes is made, exclusive while one is removed
"""

import builtins
import logging
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from engine.errors import Conflict, DamagedStore, NotFound
from engine.launcher import records
from engine.spec.mounts import VOLUME_NAME, check_volume_name
from engine.spec.volumes import VolumeSpec, kind_of
from engine.sys import file_lock
from engine.sys.remove_tree import remove_tree
from engine.sys.renaming import exchange
from engine.volumes import filling, limiting, mounting, usage
from engine.volumes.volume import DATA, RECORD, Quota, Record, RemovedVolumes, Volume

log = logging.getLogger(__name__)

Users = Callable[[], Mapping[str, Sequence[str]]]
"""Gives the names of the containers that use each volume, by the volume's name."""

Fills = Callable[[Path], None]
"""Puts into a volume's empty folder of data what it is to hold."""

_MODE = 0o755
_PLAIN = VolumeSpec()


class VolumeStore:
    """Volumes below `root`, which is made at the first use."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def data(self, name: str) -> Path:
        """The folder that is mounted."""
        return self.root / name / DATA

    def mounted(self, name: str, running: Users) -> AbstractContextManager[None]:
        """Have what the volume's files are on mounted: during the block, and on while `running` names a user.

        Of most volumes that is the host's own storage, and nothing is done. Raises NotFound, KernelError, Unsupported,
        InvalidSpec for an option that leads nowhere.
        """
        return mounting.used(self.root / name, self._record(name), lambda: bool(running().get(name)))

    def needs_mount(self, name: str) -> bool:
        """Whether it has to be `mounted` to be used. Raises NotFound."""
        return mounting.needs_mount(self._record(name))

    def release(self, names: Collection[str], running: Users) -> None:
        """Unmount those of them that none of the `running` needs any more."""
        for name in names:
            if self._exists(name):
                mounting.release(self.root / name, lambda name=name: bool(running().get(name)))  # type: ignore[misc]

    @contextmanager
    def held(self, *, is_exclusive: bool = False) -> Iterator[None]:
        """No volume goes meanwhile: around everything from naming one to being counted among its users."""
        os.makedirs(self.root, mode=0o711, exist_ok=True)
        with file_lock.held(self.root / "lock", is_exclusive=is_exclusive):
            yield

    def create(self, name: str = "", spec: VolumeSpec = _PLAIN, *, owner: str = "", fills: Fills | None = None) -> str:
        """Make the volume unless it is there; returns its name, a new one where none is given.

        `owner` is the container an anonymous volume is made for; `fills` puts into its folder of data what it is to
        begin with. Raises InvalidSpec, Unsupported, Conflict for one that is there with other options.
        """
        is_anonymous = not name
        name = name or secrets.token_hex(32)
        check_volume_name("name", name)
        spec.validate()
        os.makedirs(self.root, mode=0o711, exist_ok=True)
        if (self.root / name).exists():
            self._check_alike(name, spec)
            return name
        fresh = self.root / f".new-{secrets.token_hex(8)}"
        os.makedirs(fresh, mode=0o711)
        try:
            self._make(fresh, spec, is_anonymous, owner, fills)
        except BaseException:
            _throw_away(fresh)
            raise
        try:
            fresh.rename(self.root / name)
        except OSError:  # somebody else was faster; a folder with contents is not replaced
            _throw_away(fresh)
            if not (self.root / name).is_dir():
                raise
        return name

    def _make(self, fresh: Path, spec: VolumeSpec, is_anonymous: bool, owner: str, fills: Fills | None) -> None:
        limit_bytes = spec.limit_bytes
        quota = Quota.NONE if limit_bytes is None else limiting.begin(fresh, limit_bytes)
        os.mkdir(fresh / DATA, _MODE)
        os.chmod(fresh / DATA, _MODE)
        made = Record(
            records.now(), dict(spec.labels), is_anonymous, owner, "local", dict(spec.options), limit_bytes, quota
        )
        made.write(fresh)
        is_owned = (spec.uid, spec.gid, spec.mode) != (None,) * 3
        if quota is Quota.LOOP or is_owned or fills is not None:
            with mounting.used(fresh, made, lambda: False):
                mounting.remove_lost_and_found(fresh)
                if fills is not None:
                    fills(fresh / DATA)
                os.chown(fresh / DATA, *(-1 if wanted is None else wanted for wanted in (spec.uid, spec.gid)))
                if spec.mode is not None:
                    os.chmod(fresh / DATA, spec.mode)

    def _check_alike(self, name: str, spec: VolumeSpec) -> None:
        """What was asked for must be what is there, if anything was asked for."""
        if spec.is_plain:
            return
        record = self._record(name)
        if (dict(spec.options), spec.limit_bytes) != (dict(record.options), record.size_bytes):
            raise Conflict(
                f"Volume {name} exists already, with other options.", hint="Choose another name, or remove it first."
            )

    def refill(self, name: str, fills: Fills, at_rest: Callable[[], AbstractContextManager[None]]) -> None:
        """Let it hold what `fills` puts into its folder of data, and nothing else: at once, or not at all.

        `at_rest` keeps all who use it from running for the moment in which it is exchanged. Raises NotFound, Conflict,
        and what these raise.
        """
        record = self._record(name)
        if kind_of(record.options):
            raise Conflict(
                f"Volume {name} shows what is not kept by the engine, which cannot exchange it as a whole.",
                hint="Use a volume without the options type and device.",
            )
        fresh = self.root / f".new-{secrets.token_hex(8)}"
        os.makedirs(fresh, mode=0o711)
        try:
            spec = VolumeSpec(record.labels, size_bytes=record.size_bytes)
            self._make(fresh, spec, record.is_anonymous, record.owner, fills)
            replace(record, quota=Record.read(fresh).quota).write(fresh)
            with at_rest(), self.held(is_exclusive=True), mounting.alone(self.root / name, name):
                exchange(str(fresh), str(self.root / name))
        finally:
            _throw_away(fresh)

    def rename(self, name: str, new_name: str, users: Users) -> None:
        """Call it something else, while no container uses it. Raises NotFound, InvalidSpec, Conflict."""
        check_volume_name("name", new_name)
        with self.held(is_exclusive=True):
            record = self._record(name)
            if containers := users().get(name):
                raise Conflict(
                    f"Volume {name} is used by {', '.join(sorted(containers))}, which know it by this name.",
                    hint="Clone it, or remove these containers first.",
                )
            if new_name == name:
                return
            if (self.root / new_name).exists():
                raise Conflict(f"There is a volume {new_name} already.", hint="Choose another name.")
            with mounting.alone(self.root / name, name):
                (self.root / name).rename(self.root / new_name)
                if record.is_anonymous:
                    replace(record, is_anonymous=False, owner="").write(self.root / new_name)

    def spec_of(self, name: str) -> VolumeSpec:
        """What another volume like it is asked for by. Raises NotFound."""
        record = self._record(name)
        said = "size" in record.options
        return VolumeSpec(record.labels, record.options, None if said else record.size_bytes)

    def resize(self, name: str, size_bytes: int, running: Users) -> None:
        """Let it hold so much, while it is used. Raises NotFound, InvalidSpec, Conflict telling why it cannot."""
        VolumeSpec(size_bytes=size_bytes).validate()
        record = self._record(name)
        folder = self.root / name
        limiting.check_growth(record.quota, record.size_bytes, size_bytes, usage.known(folder, record).used_bytes)
        if record.quota is Quota.PROJECT:
            limiting.resize_project(folder, size_bytes)
        else:
            with self.mounted(name, running):
                limiting.resize_disk(folder, size_bytes)
        options = {key: value for key, value in record.options.items() if key != "size"}
        replace(record, size_bytes=size_bytes, options=options).write(folder)

    def measure(self, *, older_than: str) -> builtins.list[str]:
        """Measure those that only their trees tell of, if last measured before `older_than`; their names."""
        measured = []
        for name in self.names():
            folder = self.root / name
            try:
                record = self._record(name)
                if usage.is_measured_by_walking(record) and usage.known(folder, record).measured_at < older_than:
                    usage.measure(folder)
                    measured.append(name)
            except (NotFound, FileNotFoundError):
                continue  # removed meanwhile
            except DamagedStore as error:
                log.error("%s", error.message)
        return measured

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
        filling.fill(self.root / name, source, is_mounted=self.needs_mount(name))

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
                    with suppress(Conflict):  # it is being backed up, or a program of the host works in it
                        freed_bytes += self._discard(name, is_measured=True)
                        removed.append(name)
        return RemovedVolumes(tuple(removed), freed_bytes)

    def sizes(self, names: Sequence[str]) -> dict[str, int]:
        """What each of those that are there takes on the disk now; what is mounted on one is not its own."""
        found = {}
        for name in names:
            if self._exists(name):
                is_mounted = mounting.is_mounted(self.root / name)
                found[name] = 0 if is_mounted else usage.disk_bytes(self.root / name)
        return found

    def leave(self, owner: str, names: Collection[str], users: Users, *, with_volumes: bool) -> None:
        """Container `owner` goes; of the volumes it uses, with it go, if `with_volumes`, those made for it alone."""
        with self.held(is_exclusive=True):
            owned = [name for name in names if self._exists(name) and self._owner(name) == owner]
            used_by = users() if owned and with_volumes else {}
            for name in owned:
                if with_volumes and not used_by.get(name):
                    with suppress(Conflict):  # it is being backed up: so it stays, for a prune
                        self._discard(name)
                        continue
                self._disown(name)

    def forget(self, owner: str) -> None:
        """Container `owner` never came to be: nobody but it has the volumes made for it."""
        for name in self._owned_by({owner}.__contains__):
            self._discard(name)

    def repair(self, containers: Collection[str], running: Users) -> None:
        """Finish or undo what was half done; volumes made for a container that never came to be are removed.

        Nothing stays mounted that none of the `running` needs.
        """
        if not self.root.is_dir():
            return
        with self.held(is_exclusive=True):
            with os.scandir(self.root) as entries:
                hidden = [Path(entry.path) for entry in entries if entry.name.startswith(".")]
            for path in hidden:
                _throw_away(path)
            for name in self._owned_by(lambda owner: owner not in containers):
                self._discard(name)
            for name in self.names():
                filling.settle(self.root / name)
            self.release(self.names(), running)

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
        replace(record, owner="").write(self.root / name)

    def _discard(self, name: str, *, is_measured: bool = False) -> int:
        """Remove it, and nothing of what it may show; the bytes that came free, if measured. Raises Conflict."""
        gone = self.root / f".removed-{secrets.token_hex(8)}"
        with mounting.alone(self.root / name, name):
            (self.root / name).rename(gone)
        freed_bytes = usage.disk_bytes(gone) if is_measured else 0
        _throw_away(gone)
        return freed_bytes

    def _record(self, name: str) -> Record:
        if not VOLUME_NAME.fullmatch(name):
            raise _not_found(name)
        try:
            return Record.read(self.root / name)
        except FileNotFoundError:
            raise _not_found(name) from None

    def _exists(self, name: str) -> bool:
        return bool(VOLUME_NAME.fullmatch(name)) and (self.root / name / RECORD).is_file()

    def _volume(self, name: str, used_by: Mapping[str, Sequence[str]]) -> Volume:
        record = self._record(name)
        told = usage.known(self.root / name, record)
        return Volume(
            name=name,
            driver=record.driver,
            mountpoint=str(self.data(name)),
            created_at=record.created_at,
            labels=record.labels,
            is_anonymous=record.is_anonymous,
            used_by=tuple(sorted(used_by.get(name, ()))),
            options=record.options,
            size_bytes=record.size_bytes,
            quota=record.quota,
            used_bytes=told.used_bytes,
            measured_at=told.measured_at,
        )


def _not_found(name: str) -> NotFound:
    return NotFound(f"There is no volume {name[:80]} on this host.")


def _throw_away(folder: Path) -> None:
    """Remove a volume's folder that has no name any more; while something is mounted in it, nothing is touched."""
    if not mounting.release(folder, lambda: False):
        log.error("%s is still mounted, so it is not removed", folder / DATA)
        return
    if folder.is_dir():
        limiting.forget(folder)
    remove_tree(folder)
