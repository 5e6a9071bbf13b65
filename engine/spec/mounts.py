"""What a caller may ask to have mounted in a container; the meanings are those of Docker's `Mount` object."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.errors import InvalidSpec
from engine.spec.values import between

VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,199}")
TMPFS_FLAGS = frozenset(
    "ro rw nosuid suid nodev dev noexec exec sync async dirsync atime noatime diratime nodiratime"
    " relatime norelatime strictatime nostrictatime symfollow nosymfollow".split()
)
_COUNT = r"[0-9]{1,18}[kKmMgGtT]?"
_ID = r"[0-9]{1,10}"
TMPFS_VALUES = {
    "size": rf"{_COUNT}|[0-9]{{1,3}}%",
    "mode": r"[0-7]{1,4}",
    "uid": _ID,
    "gid": _ID,
    "nr_inodes": _COUNT,
    "nr_blocks": _COUNT,
    "mpol": r"[a-z]+(=[a-z]+)?(:[0-9-]+)?",
    "huge": r"never|always|within_size|advise",
}
"""Options of a tmpfs that have a value, and how that is written (tmpfs(5))."""
IN_PROC = frozenset(
    "cpuinfo diskstats meminfo stat swaps uptime loadavg slabinfo net/dev sys/kernel/ns_last_pid"
    " sys/crypto/fips_enabled".split()
)
"""The only files below /proc that may be mounted upon, as runc has it: the others are how a process is guarded."""
_LARGEST_BYTES = 1 << 62
_LARGEST_MODE = 0o7777


class MountType(StrEnum):
    """`bind`: a file or folder of the host. `volume`: a volume by name, a new one without. `tmpfs`: memory.

    `image`: what an image holds, for reading only.
    """

    BIND = "bind"
    VOLUME = "volume"
    TMPFS = "tmpfs"
    IMAGE = "image"


class Propagation(StrEnum):
    """Whether later mounts below this one are seen on the other side (mount_namespaces(7)); `r`: those within too."""

    PRIVATE = "private"
    RPRIVATE = "rprivate"
    SHARED = "shared"
    RSHARED = "rshared"
    SLAVE = "slave"
    RSLAVE = "rslave"


class RecursiveReadOnly(StrEnum):
    """What a read-only mount means for the mounts within it: `if-possible`, only the outermost, or `required`."""

    IF_POSSIBLE = "if-possible"
    OFF = "off"
    REQUIRED = "required"


class Relabel(StrEnum):
    """SELinux label of a bind source: `shared` between containers (`z`) or `private` to one (`Z`)."""

    NONE = ""
    SHARED = "shared"
    PRIVATE = "private"


@dataclass(frozen=True)
class Mount:
    """One mount of a container.

    `source` is a path of the host (bind), a volume's name (volume; empty for an anonymous one), the name of an image
    (image, which is read only whatever `read_only` says) or empty (tmpfs).
    `create_source` makes a missing bind source a folder. `non_recursive` leaves out what is mounted within the source.
    `no_copy` leaves a new volume empty, `subpath` mounts a folder of it or of the image, `labels` are those of a volume
    that is made, `volume_options` its driver's options (`engine.spec.volumes`).
    `size_bytes`, `mode` and `options` (mount(8)'s, such as `exec` or `uid=1000`) are those of a tmpfs.
    """

    type: MountType
    target: str
    source: str = ""
    read_only: bool = False
    recursive_read_only: RecursiveReadOnly = RecursiveReadOnly.IF_POSSIBLE
    propagation: Propagation = Propagation.RPRIVATE
    non_recursive: bool = False
    create_source: bool = False
    relabel: Relabel = Relabel.NONE
    no_copy: bool = False
    subpath: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    volume_options: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None
    mode: int | None = None
    options: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The target without anything superfluous in it."""
        return place_of(self.target)


def place_of(path: str) -> str:
    """An absolute path of a container without `.`, `..` and needless slashes."""
    return posixpath.normpath("/" + path.lstrip("/"))


_BELONGS_TO = {
    "create_source": {MountType.BIND},
    "non_recursive": {MountType.BIND},
    "relabel": {MountType.BIND, MountType.VOLUME},
    "no_copy": {MountType.VOLUME},
    "subpath": {MountType.VOLUME, MountType.IMAGE},
    "labels": {MountType.VOLUME},
    "volume_options": {MountType.VOLUME},
    "size_bytes": {MountType.TMPFS},
    "mode": {MountType.TMPFS},
    "options": {MountType.TMPFS},
}


def check_mounts(mounts: tuple[Mount, ...]) -> None:
    """Raise InvalidSpec naming the first field that makes no sense; two mounts at one place are one too many."""
    taken: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"mounts[{index}]"
        check_target(f"{where}.target", mount.target)
        _check_belonging(where, mount)
        _CHECKS[mount.type](where, mount)
        at = mount.place
        if at in taken:
            raise InvalidSpec(f"{where}.target", f"{at} is mounted twice")
        taken.add(at)


def check_target(field: str, target: str) -> None:
    """An absolute path, not the root itself, and below /proc only one of the files that hold figures."""
    path = place_of(target)
    if not target.startswith("/") or path == "/":
        raise InvalidSpec(field, f"{target[:80]!r} must be an absolute path other than /")
    if path.startswith("/proc/") and path.removeprefix("/proc/") not in IN_PROC:
        raise InvalidSpec(field, f"{target[:80]!r} is inside /proc, where nothing may be mounted")


def _check_belonging(where: str, mount: Mount) -> None:
    blank = Mount(mount.type, mount.target)
    for name, types in _BELONGS_TO.items():
        if mount.type not in types and getattr(mount, name) != getattr(blank, name):
            raise InvalidSpec(f"{where}.{name}", f"does not go with a mount of type {mount.type.value}")
    if mount.type not in (MountType.BIND, MountType.VOLUME) and mount.propagation is not Propagation.RPRIVATE:
        raise InvalidSpec(f"{where}.propagation", f"does not go with a mount of type {mount.type.value}")
    if mount.recursive_read_only is not RecursiveReadOnly.IF_POSSIBLE and not mount.read_only:
        raise InvalidSpec(f"{where}.recursive_read_only", "goes only with read_only")


def _check_bind(where: str, mount: Mount) -> None:
    if not mount.source.startswith("/"):
        raise InvalidSpec(f"{where}.source", f"{mount.source[:80]!r} must be an absolute path of the host")
    is_required = mount.recursive_read_only is RecursiveReadOnly.REQUIRED
    if is_required and mount.propagation is not Propagation.RPRIVATE:
        raise InvalidSpec(f"{where}.recursive_read_only", "required goes only with the propagation rprivate")


def _check_volume(where: str, mount: Mount) -> None:
    if mount.source:
        check_volume_name(f"{where}.source", mount.source)
    if mount.propagation is not Propagation.RPRIVATE:
        raise InvalidSpec(f"{where}.propagation", "does not go with a mount of type volume")
    _check_subpath(where, mount)
    if mount.subpath and not mount.source:
        raise InvalidSpec(f"{where}.subpath", "needs a volume with a name")


def _check_subpath(where: str, mount: Mount) -> None:
    if mount.subpath.startswith("/") or ".." in mount.subpath.split("/"):
        raise InvalidSpec(f"{where}.subpath", f"{mount.subpath[:80]!r} must be a path within the {mount.type.value}")


def _check_image(where: str, mount: Mount) -> None:
    if not mount.source:
        raise InvalidSpec(f"{where}.source", "must be the name or id of an image")
    _check_subpath(where, mount)


def _check_tmpfs(where: str, mount: Mount) -> None:
    if mount.source:
        raise InvalidSpec(f"{where}.source", "a tmpfs has none")
    between(f"{where}.size_bytes", mount.size_bytes, 0, _LARGEST_BYTES)
    between(f"{where}.mode", mount.mode, 0, _LARGEST_MODE)
    check_tmpfs_options(f"{where}.options", mount.options)


def check_tmpfs_options(where: str, options: tuple[str, ...]) -> None:
    """Options of a tmpfs as mount(8) writes them. Raises InvalidSpec naming the first that is none."""
    for index, option in enumerate(options):
        name, _, value = option.partition("=")
        if name not in (TMPFS_VALUES if "=" in option else TMPFS_FLAGS):
            raise InvalidSpec(f"{where}[{index}]", f"{option[:80]!r} is not an option of a tmpfs")
        if "=" in option and not re.fullmatch(TMPFS_VALUES[name], value):
            raise InvalidSpec(f"{where}[{index}]", f"{value[:80]!r} is no value of a tmpfs's {name}")


_CHECKS = {
    MountType.BIND: _check_bind,
    MountType.VOLUME: _check_volume,
    MountType.TMPFS: _check_tmpfs,
    MountType.IMAGE: _check_image,
}


def check_volume_name(field: str, name: str) -> None:
    """Docker's rule: a letter or digit, then letters, digits, `_`, `.` or `-`; from 2 to 200."""
    if not VOLUME_NAME.fullmatch(name):
        raise InvalidSpec(
            field,
            f"{name[:80]!r} is not a volume's name",
            hint="Use letters, digits, '_', '.' and '-', starting with a letter or digit; an absolute path is a bind.",
        )


def check_guarded_paths(field: str, paths: tuple[str, ...] | None) -> None:
    """Absolute paths that are masked or made read-only."""
    for index, path in enumerate(paths or ()):
        if not path.startswith("/") or place_of(path) == "/":
            raise InvalidSpec(f"{field}[{index}]", f"{path[:80]!r} must be an absolute path other than /")
