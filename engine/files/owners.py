"""Owners of a tree's files: what they are called inside, and whom a name means there."""

import os
from dataclasses import dataclass
from typing import Self

from engine.errors import EngineError, InvalidSpec
from engine.files.tree import Tree, open_regular
from engine.rootfs import accounts

_LARGEST_BYTES = 1 << 20
_HIGHEST_ID = (1 << 32) - 2  # the last one means "leave it"


@dataclass(frozen=True)
class Owners:
    """Names by id; the first of several counts."""

    users: dict[int, str]
    groups: dict[int, str]

    @classmethod
    def read(cls, tree: Tree) -> Self:
        """Those of the tree's own /etc/passwd and /etc/group."""
        users, groups = accounts.users(_text(tree, b"/etc/passwd")), accounts.groups(_text(tree, b"/etc/group"))
        return cls(
            {user.uid: user.name for user in reversed(users)}, {item.gid: item.name for item in reversed(groups)}
        )

    def user(self, wanted: str) -> int:
        """The id of a user by name or number. Raises InvalidSpec."""
        return _id("owner", wanted, self.users, "/etc/passwd")

    def group(self, wanted: str) -> int:
        """The id of a group by name or number. Raises InvalidSpec."""
        return _id("group", wanted, self.groups, "/etc/group")


def _id(field: str, wanted: str, names: dict[int, str], file: str) -> int:
    for number, name in names.items():
        if name == wanted:
            return number
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 11 and int(wanted) <= _HIGHEST_ID:
        return int(wanted)
    raise InvalidSpec(field, f"{wanted[:80]!a} is neither in {file} nor a number", hint="Names are those inside.")


def _text(tree: Tree, path: bytes) -> str:
    """The file's text; nothing unless it is a regular file."""
    try:
        peek = tree.peek(path)
    except EngineError:
        return ""
    try:
        fd = open_regular(peek)
        if fd is None:
            return ""
        with open(fd, "rb") as file:
            return file.read(_LARGEST_BYTES).decode(errors="replace")
    finally:
        os.close(peek)
