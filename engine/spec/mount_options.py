"""Reads the options of an OCI mount, written as mount(8) writes them, into what the kernel's calls take.

Every option that runtime-spec names (config-linux.md, "Linux mount options") is known. Those beginning with `r` act on
everything mounted within as well, by mount_setattr(2); of options that contradict each other the last one wins.
"""

import functools
from dataclasses import dataclass

from engine.errors import InvalidSpec
from engine.sys import mount

_MS = {
    "ro": mount.MS_RDONLY,
    "nosuid": mount.MS_NOSUID,
    "nodev": mount.MS_NODEV,
    "noexec": mount.MS_NOEXEC,
    "nosymfollow": mount.MS_NOSYMFOLLOW,
    "noatime": mount.MS_NOATIME,
    "nodiratime": mount.MS_NODIRATIME,
    "relatime": mount.MS_RELATIME,
    "strictatime": mount.MS_STRICTATIME,
    "sync": mount.MS_SYNCHRONOUS,
    "dirsync": mount.MS_DIRSYNC,
    "mand": mount.MS_MANDLOCK,
    "silent": mount.MS_SILENT,
    "iversion": mount.MS_I_VERSION,
    "lazytime": mount.MS_LAZYTIME,
}
_OPPOSITES = {
    "rw": "ro",
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "symfollow": "nosymfollow",
    "atime": "noatime",
    "diratime": "nodiratime",
    "norelatime": "relatime",
    "nostrictatime": "strictatime",
    "async": "sync",
    "nomand": "mand",
    "loud": "silent",
    "noiversion": "iversion",
    "nolazytime": "lazytime",
}
_SUPERBLOCK = frozenset("sync async dirsync mand nomand silent loud iversion noiversion lazytime nolazytime".split())
_TIMES = ("noatime", "relatime", "strictatime")
_ATTRIBUTES = {
    "ro": mount.MOUNT_ATTR_RDONLY,
    "nosuid": mount.MOUNT_ATTR_NOSUID,
    "nodev": mount.MOUNT_ATTR_NODEV,
    "noexec": mount.MOUNT_ATTR_NOEXEC,
    "nosymfollow": mount.MOUNT_ATTR_NOSYMFOLLOW,
    "nodiratime": mount.MOUNT_ATTR_NODIRATIME,
    "noatime": mount.MOUNT_ATTR_NOATIME,
    "strictatime": mount.MOUNT_ATTR_STRICTATIME,
    "relatime": mount.MOUNT_ATTR_RELATIME,
}
_PROPAGATION = {
    "private": mount.MS_PRIVATE,
    "shared": mount.MS_SHARED,
    "slave": mount.MS_SLAVE,
    "unbindable": mount.MS_UNBINDABLE,
}
_UNSAID = frozenset({"defaults", "newinstance"})  # newinstance: devpts' only way since Linux 4.7
_RECURSIVE = _ATTRIBUTES.keys() | {word for word, opposite in _OPPOSITES.items() if opposite in _ATTRIBUTES}
KNOWN = tuple(
    sorted(
        {*_MS, *_OPPOSITES, *_PROPAGATION, *(f"r{word}" for word in (*_PROPAGATION, *_RECURSIVE))}
        | {"bind", "rbind", "defaults", "tmpcopyup", "idmap", "ridmap"}
    )
)
"""Every option that means something here; what is not among them is the file system's own business."""


@dataclass(frozen=True)
class Change:
    """One mount_setattr(2): attributes set and cleared, a propagation (0: as it is), on one mount or all within."""

    attr_set: int
    attr_clr: int
    propagation: int
    is_recursive: bool


@dataclass(frozen=True)
class MountOptions:
    """What a list of options says. `flags` are mount(2)'s MS_*, `data` what is left for the file system itself.

    `changes` say the same of a mount that exists already, a bind, where only what was named is changed. `is_shifted`
    asks for maps of its own, or else the container's.
    """

    flags: int
    data: tuple[str, ...]
    is_bind: bool
    is_recursive: bool
    propagation: int
    changes: tuple[Change, ...]
    copies_up: bool
    superblock: tuple[str, ...]
    is_shifted: bool
    shifts_within: bool


@functools.cache
def parse(options: tuple[str, ...], field: str) -> MountOptions:
    """The meaning of the options. Raises InvalidSpec naming `field` for one that makes no sense in a bundle."""
    top: dict[str, bool] = {}
    within: dict[str, bool] = {}
    spread, data, is_bind, is_recursive, copies_up, shifting = 0, [], False, False, False, ""
    for option in options:
        if option in ("bind", "rbind"):
            is_bind, is_recursive = True, is_recursive or option == "rbind"
        elif option == "tmpcopyup":
            copies_up = True
        elif option in ("idmap", "ridmap"):
            shifting = option
        elif option == "remount":
            raise InvalidSpec(field, f"the option {option} cannot be used here")
        elif kind := propagation(option):
            spread = kind
        elif (said := _said(option)) is not None:
            top.update(said)
        elif option.startswith("r") and (said := _said(option[1:])) and set(said) <= _ATTRIBUTES.keys():
            within.update(said)
        elif option not in _UNSAID:
            data.append(option)
    return MountOptions(
        flags=functools.reduce(lambda flags, name: flags | _MS[name], (n for n, on in (top | within).items() if on), 0),
        data=tuple(data),
        is_bind=is_bind,
        is_recursive=is_recursive,
        propagation=spread,
        changes=_changes(top, within, spread),
        copies_up=copies_up,
        superblock=tuple(option for option in options if option in _SUPERBLOCK),
        is_shifted=bool(shifting),
        shifts_within=shifting == "ridmap",
    )


def propagation(option: str) -> int:
    """The MS_* flags of `shared`, `rslave` and their like; 0 for any other word."""
    if option in _PROPAGATION:
        return _PROPAGATION[option]
    rest = option.removeprefix("r")
    return _PROPAGATION[rest] | mount.MS_REC if rest in _PROPAGATION else 0


def _said(option: str) -> dict[str, bool] | None:
    """Which flags an option sets (True) or clears; times of access exclude each other."""
    if option in _TIMES:
        return dict.fromkeys(_TIMES, False) | {option: True}
    if option in _MS:
        return {option: True}
    return {_OPPOSITES[option]: False} if option in _OPPOSITES else None


def _changes(top: dict[str, bool], within: dict[str, bool], propagation: int) -> tuple[Change, ...]:
    """At most two calls: first everything within, then the outermost mount."""
    kind, reaches_within = propagation & ~mount.MS_REC, bool(propagation & mount.MS_REC)
    found = []
    for said, is_recursive in ((within, True), (top, False)):
        set_, clear = _attributes(said)
        mine = kind if reaches_within == is_recursive else 0
        if set_ or clear or mine:
            found.append(Change(set_, clear, mine, is_recursive))
    return tuple(found)


def _attributes(said: dict[str, bool]) -> tuple[int, int]:
    """To change how times of access are kept, the kernel wants the whole of that field cleared."""
    set_ = clear = 0
    for name, is_on in said.items():
        if name in _TIMES:
            clear |= mount.MOUNT_ATTR__ATIME
        if name in _ATTRIBUTES and is_on:
            set_ |= _ATTRIBUTES[name]
        elif name in _ATTRIBUTES and name not in _TIMES:
            clear |= _ATTRIBUTES[name]
    return set_, clear
