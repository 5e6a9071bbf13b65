"""What a caller may ask of a new volume; the options are those of Docker's `local` driver."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import InvalidSpec
from engine.spec import mount_options
from engine.spec.codec import Document
from engine.spec.mounts import check_tmpfs_options
from engine.spec.values import between

NETWORKED = frozenset({"nfs", "nfs4", "cifs", "smb3"})
ON_DEVICE = frozenset("ext2 ext3 ext4 xfs btrfs f2fs vfat exfat ntfs3 iso9660 squashfs".split())
"""File systems on a block device of the host."""
OPTIONS = ("type", "o", "device", "size")
SECRETS = frozenset({"password", "pass", "password2"})
"""Options of cifs that would be a password in a record everybody reads."""
_SIZE = re.compile(r"([0-9]{1,18})([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_LEAST_BYTES, _MOST_BYTES = 1 << 20, 1 << 50
_MOST_ID = (1 << 32) - 2


@dataclass(frozen=True)
class VolumeSpec(Document):
    """A volume to be made.

    `options` are Docker's: `type` (tmpfs, nfs, cifs, ext4 …; `none` with `o=bind`), `o` (what `mount -o` takes),
    `device`, and `size`, which is `size_bytes` in words. `size_bytes` is the most it may hold. `uid`, `gid` and `mode`
    are those of its topmost folder.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None
    uid: int | None = None
    gid: int | None = None
    mode: int | None = None

    @property
    def limit_bytes(self) -> int | None:
        """The most it may hold, said either way."""
        return self.size_bytes if self.size_bytes is not None else _bytes(self.options)

    @property
    def is_plain(self) -> bool:
        """Whether nothing is said of how it is to be, so that one that exists is as good."""
        return not self.options and (self.size_bytes, self.uid, self.gid, self.mode) == (None,) * 4

    def validate(self) -> None:
        """Raise InvalidSpec for the first value that cannot be."""
        between("uid", self.uid, 0, _MOST_ID)
        between("gid", self.gid, 0, _MOST_ID)
        between("mode", self.mode, 0, 0o7777)
        check_options("options", self.options)
        if self.size_bytes is not None and "size" in self.options:
            raise InvalidSpec("size_bytes", "is said twice, as the option size too")
        between(
            "size_bytes" if "size" not in self.options else "options.size", self.limit_bytes, _LEAST_BYTES, _MOST_BYTES
        )
        if self.limit_bytes is not None and kind_of(self.options):
            raise InvalidSpec("size_bytes", "goes only with a volume in the host's own storage")


def kind_of(options: Mapping[str, str]) -> str:
    """What is mounted for the volume: `bind` or a type of file system; empty for a folder of the host's storage."""
    if _words(options) & {"bind", "rbind"}:
        return "bind"
    return "" if options.get("type") in (None, "", "none") else options["type"]


def reaches_host(options: Mapping[str, str]) -> bool:
    """Whether such a volume shows what is the host's, or its network's, beyond what the engine keeps for volumes."""
    return kind_of(options) not in ("", "tmpfs")


def check_options(where: str, options: Mapping[str, str]) -> None:
    """Raise InvalidSpec naming the first option that makes no sense."""
    for name in options:
        if name not in OPTIONS:
            raise InvalidSpec(
                f"{where}.{name[:80]}", "is not an option of the driver local", hint=f"It knows {', '.join(OPTIONS)}."
            )
    if "size" in options and _bytes(options) is None:
        raise InvalidSpec(f"{where}.size", f"{options['size'][:80]!r} is not a size, such as 500M or 10G")
    kind = kind_of(options)
    if kind not in {"", "bind", "tmpfs"} | NETWORKED | ON_DEVICE:
        known = ", ".join(sorted({"none", "tmpfs"} | NETWORKED | ON_DEVICE))
        raise InvalidSpec(f"{where}.type", f"{kind[:80]!r} is not a type of volume", hint=f"Known are {known}.")
    if "remount" in _words(options):
        raise InvalidSpec(f"{where}.o", "the option remount cannot be used here")
    _check_device(where, kind, options)
    if kind == "tmpfs":
        check_tmpfs_options(f"{where}.o", data_of(options))
    if kind in NETWORKED:
        _check_networked(where, kind, options)


def data_of(options: Mapping[str, str]) -> tuple[str, ...]:
    """What `o` says, word by word."""
    return tuple(word for word in options.get("o", "").split(",") if word)


def _check_device(where: str, kind: str, options: Mapping[str, str]) -> None:
    device = options.get("device", "")
    if not kind and (device or options.get("o")):
        field = "device" if device else "o"
        raise InvalidSpec(f"{where}.{field}", "goes only with a type, or with o=bind")
    if (kind == "bind" or kind in ON_DEVICE) and not device.startswith("/"):
        what = "folder" if kind == "bind" else "block device"
        raise InvalidSpec(f"{where}.device", f"{device[:80]!r} must be the absolute path of a {what} of the host")
    if kind in NETWORKED and not device:
        raise InvalidSpec(f"{where}.device", f"is required with {kind}")
    if kind == "bind" and (data := mount_options.parse(data_of(options), f"{where}.o").data):
        raise InvalidSpec(f"{where}.o", f"{data[0][:80]!r} is not an option of a bind mount")


def _check_networked(where: str, kind: str, options: Mapping[str, str]) -> None:
    names = {word.partition("=")[0] for word in data_of(options)}
    if secret := names & SECRETS:
        raise InvalidSpec(
            f"{where}.o",
            f"{min(secret)} would be seen by all who may see the volume",
            hint="Say credentials=/path/of/a/file on the host, as mount.cifs(8) takes it.",
        )
    if kind in ("nfs", "nfs4") and "addr" not in names:
        raise InvalidSpec(f"{where}.o", "needs addr=, the server's address")


def _words(options: Mapping[str, str]) -> set[str]:
    return set(data_of(options))


def _bytes(options: Mapping[str, str]) -> int | None:
    found = _SIZE.fullmatch(options.get("size", ""))
    return int(found[1]) << _UNITS[found[2].lower()] if found else None
