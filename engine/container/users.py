"""Turns `user[:group]` into numbers with the image's own `/etc/passwd` and `/etc/group` (passwd(5), group(5)).

Semantics are those of Docker: a number that is not in the files is taken as it is; a name that is not there is an
error; without `:group` the user's own group and additional groups count.
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import InvalidSpec
from engine.rootfs import accounts
from engine.rootfs.accounts import Group, User

ReadFile = Callable[[str], str]
"""Gives the text of a file inside the root by its absolute path, empty when it is not there."""


@dataclass(frozen=True)
class Identity:
    """Whom a process runs as, and where that user is at home."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def resolve(user: str, read_file: ReadFile, more_groups: tuple[str, ...] = ()) -> Identity:
    """Whom `user` (empty: root) means inside this root, in `more_groups` besides its own.

    Raises InvalidSpec for a name that is not there.
    """
    user_part, _, group_part = user.partition(":")
    groups = accounts.groups(read_file("/etc/group"))
    entry = _find_user(user_part or "0", accounts.users(read_file("/etc/passwd")))
    more = [_find_group(f"groups[{index}]", name, groups) for index, name in enumerate(more_groups)]
    if group_part:
        return Identity(entry.uid, _find_group("user", group_part, groups), _once(more), entry.home)
    others = [group.gid for group in groups if entry.name in group.members]
    return Identity(entry.uid, entry.gid, _once(others + more), entry.home)


def _once(gids: list[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(gids))


def _find_user(wanted: str, users: list[User]) -> User:
    is_number = wanted.isascii() and wanted.isdigit()
    for entry in users:
        if entry.name == wanted or (is_number and entry.uid == int(wanted)):
            return entry
    if is_number:
        return User("", int(wanted), 0, "/")
    raise InvalidSpec("user", f"{wanted} is not in the image's /etc/passwd", hint="Use one that is there, or a number.")


def _find_group(field: str, wanted: str, groups: list[Group]) -> int:
    is_number = wanted.isascii() and wanted.isdigit()
    for group in groups:
        if group.name == wanted or (is_number and group.gid == int(wanted)):
            return group.gid
    if is_number:
        return int(wanted)
    raise InvalidSpec(field, f"group {wanted} is not in the image's /etc/group", hint="Use one that is there.")
