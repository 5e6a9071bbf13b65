"""Lists folders, page by page: a hundred thousand names are sorted, but only those of the page are looked at."""

import base64
import binascii
import heapq
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from engine.errors import EngineError, InvalidSpec
from engine.files.addresses import address_of, join, path_of, shown
from engine.files.failures import telling
from engine.files.owners import Owners
from engine.files.tree import Spot, Tree
from engine.rootfs.types import type_of
from engine.spec.browsing import Crumb, FileEntry, FolderPage, FolderQuery

_MOST = 1000

Key = tuple[int, int, str, str]
"""Folders before the rest; size or time if asked; the name without its case; the name."""


def list_folder(tree: Tree, query: FolderQuery) -> FolderPage:
    """One page of a folder. Raises NotFound, InvalidSpec."""
    folder = tree.open_folder(path_of(query.path))
    path = tree.without_links(path_of(query.path))
    try:
        with telling(tree.name, shown(path)):
            keys = _keys(folder, query)
            chosen = _chosen(keys, query)
            owners = Owners.read(tree)
            names = [os.fsencode(key[3]) for key in chosen[: query.limit]]
            found = [entry_of(tree, owners, Spot(folder, name), join(path, name)) for name in names]
            is_writable = not os.fstatvfs(folder).f_flag & os.ST_RDONLY
    finally:
        os.close(folder)
    has_more = len(chosen) > query.limit
    return FolderPage(
        path=address_of(path),
        crumbs=_crumbs(path),
        entries=tuple(entry for entry in found if entry is not None),
        total=len(keys),
        is_writable=is_writable,
        next=_cursor(chosen[query.limit - 1]) if has_more else "",
    )


def stat_path(tree: Tree, address: str) -> FileEntry:
    """What is there under the path; a link at its end is told of itself. Raises NotFound, InvalidSpec."""
    path = path_of(address)
    if not path.strip(b"/"):
        root = tree.open_folder(b"/")
        try:
            entry = entry_of(tree, Owners.read(tree), Spot(root, b"."), b"/")
        finally:
            os.close(root)
    else:
        with tree.spot(path) as spot:
            entry = entry_of(tree, Owners.read(tree), spot, path)
            if entry is None:
                raise FileNotFoundError(2, "it is not there")
    assert entry is not None  # noqa: S101 - a root is always there
    return entry


def entry_of(tree: Tree, owners: Owners, spot: Spot, path: bytes) -> FileEntry | None:
    """What is at the spot, None for nothing."""
    info = spot.lstat()
    if info is None:
        return None
    uid, gid = tree.ids.users.to_inside(info.st_uid), tree.ids.groups.to_inside(info.st_gid)
    is_link = stat.S_ISLNK(info.st_mode)
    return FileEntry(
        name=shown(path.rpartition(b"/")[2]),
        path=address_of(path),
        type=type_of(info),
        mode=stat.S_IMODE(info.st_mode),
        uid=uid,
        gid=gid,
        user=owners.users.get(uid, ""),
        group=owners.groups.get(gid, ""),
        size_bytes=info.st_size if stat.S_ISREG(info.st_mode) else 0,
        modified_at=_moment(info.st_mtime_ns),
        target=_target(spot) if is_link else "",
        leads_to=_leads_to(tree, path) if is_link else "",
        is_mount=spot.name != b"." and spot.is_mount(),
    )


def _moment(time_ns: int) -> str:
    try:
        return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):  # a file may say that it is of the year 30,000
        return ""


def _target(spot: Spot) -> str:
    try:
        return shown(os.readlink(spot.name, dir_fd=spot.folder))
    except OSError:  # something else by now
        return ""


def _leads_to(tree: Tree, path: bytes) -> str:
    try:
        peek = tree.peek(path)
    except EngineError:
        return ""
    try:
        return type_of(os.fstat(peek))
    finally:
        os.close(peek)


def _keys(folder: int, query: FolderQuery) -> list[Key]:
    if not 1 <= query.limit <= _MOST:
        raise InvalidSpec("limit", f"{query.limit} is not between 1 and {_MOST}")
    if query.sort not in _VALUES:
        raise InvalidSpec("sort", f"{query.sort[:40]!a} is not one of {', '.join(_VALUES)}")
    value, sought, last = _VALUES[query.sort], query.search.lower(), query.descending
    keys: list[Key]
    with os.scandir(folder) as entries:
        if value is None:  # the usual order, which looks at no entry
            keys = [
                (entry.is_dir(follow_symlinks=False) is last, 0, entry.name.lower(), entry.name) for entry in entries
            ]
        else:
            keys = [
                (entry.is_dir(follow_symlinks=False) is last, value(entry), entry.name.lower(), entry.name)
                for entry in entries
            ]
    return [key for key in keys if sought in key[2]] if sought else keys


def _size(entry: "os.DirEntry[str]") -> int:
    return _looked_at(entry, lambda info: info.st_size if stat.S_ISREG(info.st_mode) else 0)


def _modified(entry: "os.DirEntry[str]") -> int:
    return _looked_at(entry, lambda info: info.st_mtime_ns)


def _looked_at(entry: "os.DirEntry[str]", value: Callable[[os.stat_result], int]) -> int:
    try:
        return value(entry.stat(follow_symlinks=False))
    except FileNotFoundError:
        return 0


_VALUES: dict[str, Callable[[Any], int] | None] = {"name": None, "size": _size, "modified": _modified}


def _chosen(keys: list[Key], query: FolderQuery) -> list[Key]:
    """The page's keys in order, and one more if there are more."""
    chooses = heapq.nlargest if query.descending else heapq.nsmallest
    if not query.after:
        return chooses(query.limit + 1, keys)
    last = _place(query.after)
    behind = [key for key in keys if (key < last if query.descending else key > last)]
    return chooses(query.limit + 1, behind)


def _cursor(key: Key) -> str:
    name = base64.urlsafe_b64encode(os.fsencode(key[3])).decode().rstrip("=")
    return f"{int(key[0])}.{key[1]}.{name}"


def _place(cursor: str) -> Key:
    try:
        rank, value, encoded = cursor.split(".")
        name = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        text = os.fsdecode(name)
        return int(rank), int(value), text.lower(), text
    except (binascii.Error, ValueError):
        raise InvalidSpec(
            "after", f"{cursor[:80]!a} is not where a page ended", hint="Give back what a page said."
        ) from None


def _crumbs(path: bytes) -> tuple[Crumb, ...]:
    crumbs, at = [], b""
    for name in path.strip(b"/").split(b"/") if path.strip(b"/") else []:
        at = at + b"/" + name
        crumbs.append(Crumb(shown(name), address_of(at)))
    return tuple(crumbs)
