"""Users and groups of a root by its own `/etc/passwd` and `/etc/group` (passwd(5), group(5))."""

from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    """A line of `/etc/passwd`."""

    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True)
class Group:
    """A line of `/etc/group`."""

    name: str
    gid: int
    members: frozenset[str]


def users(text: str) -> list[User]:
    """All users of the file with this text, in its order."""
    return [
        User(fields[0], int(fields[2]), int(fields[3]), fields[5] or "/")
        for fields in _lines(text, 6)
        if fields[2].isdigit() and fields[3].isdigit()
    ]


def groups(text: str) -> list[Group]:
    """All groups of the file with this text, in its order."""
    numbered = [fields for fields in _lines(text, 4) if fields[2].isdigit()]
    return [Group(fields[0], int(fields[2]), frozenset(filter(None, fields[3].split(",")))) for fields in numbered]


def _lines(text: str, least: int) -> list[list[str]]:
    split = [line.split(":") for line in text.splitlines() if line and not line.startswith("#")]
    return [fields for fields in split if len(fields) >= least]
