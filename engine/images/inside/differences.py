"""Walks two stacks of layers side by side and finds where they differ; what both have from one layer is passed over."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.images.inside.merged import Layers, Lists, Node, children, listing
from engine.rootfs.walk import join
from engine.spec.files import ChangeKind

Parts = tuple[bytes, ...]
IsChanged = Callable[[bytes, Node, Node], bool]
"""Asked of a path under which two layers hold something, and no folder both times."""


class Difference(NamedTuple):
    """A path (without a leading `/`), what became of it, what is there now or was till then, and before a change."""

    path: bytes
    kind: ChangeKind
    node: Node
    before: Node | None = None


class _Level(NamedTuple):
    """A folder on the way: what it holds before and after, and the names that are still to come, last first."""

    path: bytes
    before: dict[bytes, Node]
    after: dict[bytes, Node]
    names: list[bytes]


def differences(
    before: Layers, after: Layers, is_changed: IsChanged, *, behind: Parts = (), lists: Lists = listing
) -> Iterator[Difference]:
    """Every path that came, changed or went, folders before what is in them, sorted by name.

    Of a folder that went only itself is told; one that stays has changed if its owner or mode did. With `behind` the
    walk goes on behind that path.
    """
    waiting = [_level(b"", before, after, behind[:1], lists)]
    while waiting:
        level = waiting[-1]
        if not level.names:
            waiting.pop()
            continue
        name = level.names.pop()
        path, old, new = join(level.path, name), level.before.get(name), level.after.get(name)
        if old is not None and new is not None and old.layers == new.layers:
            continue
        parts = tuple(path.split(b"/"))
        if parts > behind and (difference := _difference(path, old, new, is_changed)) is not None:
            yield difference
        if new is not None and new.is_folder:
            below = old.layers if old is not None and old.is_folder else ()
            rest = behind[len(parts) : len(parts) + 1] if behind[: len(parts)] == parts else ()
            waiting.append(_level(path, below, new.layers, rest, lists))


def _level(path: bytes, before: Layers, after: Layers, least: Parts, lists: Lists) -> _Level:
    old, new = children(before, path, lists), children(after, path, lists)
    names = (name for name in old.keys() | new.keys() if (name,) >= least)
    return _Level(path, old, new, sorted(names, reverse=True))


def _difference(path: bytes, old: Node | None, new: Node | None, is_changed: IsChanged) -> Difference | None:
    if old is None or new is None:
        if new is not None:
            return Difference(path, ChangeKind.ADDED, new)
        return Difference(path, ChangeKind.DELETED, old) if old is not None else None
    are_folders = old.is_folder and new.is_folder
    has_changed = _standing(old) != _standing(new) if are_folders else is_changed(path, old, new)
    return Difference(path, ChangeKind.CHANGED, new, old) if has_changed else None


def _standing(node: Node) -> tuple[int, int, int]:
    return node.info.st_mode, node.info.st_uid, node.info.st_gid
