"""Turns `user[:group]` into numbers with the image's own `/etc/passwd` and `/etc/group` (passwd(5), group(5)).

Semantics are those of Docker: a number that is not in the files is taken as it is; a name that is not there is an
error; without `:group` the user's own group and additional groups count.
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import InvalidSpec

ReadFile = Callable[[str], str]
"""Gives the text of a file inside the root by its absolute path, empty when it is not there."""


@dataclass(frozen=True)
class Identity:
    """Whom a process runs as, and where that user is at home."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


@dataclass(frozen=True)
class _Passwd:
    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True)
class _Group:
    name: str
    gid: int
    members: frozenset[str]


def resolve(user: str, read_file: ReadFile, more_groups: tuple[str, ...] = ()) -> Identity:
    """Whom `user` (empty: root) means inside this root, in `more_groups` besides its own.

    Raises InvalidSpec for a name that is not there.
    """
    user_part, _, group_part = user.partition(":")
    groups = _groups(read_file("/etc/group"))
    entry = _find_user(user_part or "0", _users(read_file("/etc/passwd")))
    more = [_find_group(f"groups[{index}]", name, groups) for index, name in enumerate(more_groups)]
    if group_part:
        return Identity(entry.uid, _find_group("user", group_part, groups), _once(more), entry.home)
    others = [group.gid for group in groups if entry.name in group.members]
    return Identity(entry.uid, entry.gid, _once(others + more), entry.home)


def _once(gids: list[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(gids))


def _find_user(wanted: str, users: list[_Passwd]) -> _Passwd:
    is_number = wanted.isascii() and wanted.isdigit()
    for entry in users:
        if entry.name == wanted or (is_number and entry.uid == int(wanted)):
            return entry
    if is_number:
        return _Passwd("", int(wanted), 0, "/")
    raise InvalidSpec("user", f"{wanted} is not in the image's /etc/passwd", hint="Use one that is there, or a number.")


def _find_group(field: str, wanted: str, groups: list[_Group]) -> int:
    is_number = wanted.isascii() and wanted.isdigit()
    for group in groups:
        if group.name == wanted or (is_number and group.gid == int(wanted)):
            return group.gid
    if is_number:
        return int(wanted)
    raise InvalidSpec(field, f"group {wanted} is not in the image's /etc/group", hint="Use one that is there.")


def _users(text: str) -> list[_Passwd]:
    return [
        _Passwd(fields[0], int(fields[2]), int(fields[3]), fields[5] or "/")
        for fields in _lines(text, 6)
        if fields[2].isdigit() and fields[3].isdigit()
    ]


def _groups(text: str) -> list[_Group]:
    numbered = [fields for fields in _lines(text, 4) if fields[2].isdigit()]
    return [_Group(fields[0], int(fields[2]), frozenset(filter(None, fields[3].split(",")))) for fields in numbered]


def _lines(text: str, least: int) -> list[list[str]]:
    split = [line.split(":") for line in text.splitlines() if line and not line.startswith("#")]
    return [fields for fields in split if len(fields) >= least]
