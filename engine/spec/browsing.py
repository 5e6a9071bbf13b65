"""What the engine tells of the files of a container or volume to whoever browses them, and what may be asked.

A path goes in and out as an *address*: absolute text, or, where it is no UTF-8, `=` and the base64url of its bytes. A
name that is shown has `\N{REPLACEMENT CHARACTER}` in place of such bytes.
"""

from dataclasses import dataclass
from typing import Any

from engine.spec import codec


@dataclass(frozen=True)
class FileEntry:
    """One entry of a folder. `name` is to be shown, `path` is its address.

    `type` is `file`, `folder`, `link`, `device`, `pipe` or `socket`; `mode` the permission bits, owners as they are
    seen inside, with their names where the tree's own /etc/passwd and /etc/group have some. `target` is where a link
    leads as it is written, `leads_to` the type of what is there, empty where nothing is. Something `is_mount` where
    another file system is mounted on it.
    """

    name: str
    path: str
    type: str
    mode: int
    uid: int
    gid: int
    user: str
    group: str
    size_bytes: int
    modified_at: str
    target: str = ""
    leads_to: str = ""
    is_mount: bool = False

    def to_json(self) -> dict[str, Any]:
        """All fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class FolderQuery:
    """Which entries of the folder at the address `path` are wanted: those whose name holds `search`, whatever its case.

    `sort` is `name`, `size` or `modified`; folders come first. `after` goes on where a page before ended.
    """

    path: str = "/"
    sort: str = "name"
    descending: bool = False
    search: str = ""
    after: str = ""
    limit: int = 200


@dataclass(frozen=True)
class Crumb:
    """A folder on the way to another one: its name and address."""

    name: str
    path: str


@dataclass(frozen=True)
class FolderPage:
    """Some entries of the folder whose address, with every link followed, is `path`.

    `total` counts all that were meant, `crumbs` are the folders from the root to this one without the root, and `next`
    is given back as `after` for the entries that follow, empty at the end.
    """

    path: str
    crumbs: tuple[Crumb, ...]
    entries: tuple[FileEntry, ...]
    total: int
    is_writable: bool
    next: str

    def to_json(self) -> dict[str, Any]:
        """All fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class FileView:
    """A file as it is shown: its beginning as `text`, read in `encoding`, unless it `is_binary`.

    `digest` (`sha256:…`) is that of the whole file, empty where only the beginning was read (`is_truncated`); whoever
    writes it back gives that digest. `image` is the media type of a picture that browsers show, else empty.
    """

    entry: FileEntry
    text: str
    encoding: str
    is_binary: bool
    is_truncated: bool
    digest: str
    image: str
    is_writable: bool

    def to_json(self) -> dict[str, Any]:
        """All fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class Removable:
    """What would go with some paths: folders, other entries, and the bytes of files; `mounts` would keep them.

    If `is_partial` there is more than was counted.
    """

    folders: int
    files: int
    size_bytes: int
    mounts: tuple[str, ...]
    is_partial: bool

    def to_json(self) -> dict[str, Any]:
        """All fields under their own names."""
        value: dict[str, Any] = codec.to_json(self)
        return value


@dataclass(frozen=True)
class AccessChange:
    """What is to change: `mode` as octal digits, `owner` and `group` as names or numbers; what is empty stays.

    With `is_recursive` all that is in a folder too, but for what is mounted there.
    """

    mode: str = ""
    owner: str = ""
    group: str = ""
    is_recursive: bool = False
