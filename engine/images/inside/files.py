"""Files of images, page by page: what each layer adds, changes and deletes, and what differs between two images."""

import base64
import binascii
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from engine.errors import InvalidSpec, NotFound
from engine.images.inside.differences import Difference, Parts, differences
from engine.images.inside.merged import Layers, Lists, Node, Remembered, opened
from engine.images.inside.same import is_changed
from engine.rootfs.types import type_of
from engine.rootfs.walk import open_folder
from engine.spec.files import ChangeKind
from engine.spec.image_files import FileChange, FilePage, FileQuery, text_of

_MOST = 10_000


def layer_files(folders: Sequence[Path], query: FileQuery) -> FilePage:
    """What the layers in `folders`, lowest first, do to the files. Raises NotFound for a layer there is not."""
    if not 0 <= query.layer <= len(folders):
        raise NotFound(f"the image has no layer {query.layer}", hint=f"Its layers are 1 to {len(folders)}.")
    first, behind = _place(query.after, query.layer or 1)
    last = query.layer or len(folders)
    with opened(list(folders)) as found:
        layers, lists = tuple(found[folder] for folder in folders), Remembered()
        changes = (
            _told(difference, number)
            for number in range(first, last + 1)
            for difference in _differences(layers, number, behind if number == first else (), lists)
        )
        return _page(changes, query)


def compared_files(before: Sequence[Path], after: Sequence[Path], query: FileQuery) -> FilePage:
    """How the second image's files differ from the first one's; both lowest layer first."""
    _, behind = _place(query.after, 0)
    with opened([*before, *after]) as found:
        old, new = (tuple(found[folder] for folder in reversed(stack)) for stack in (before, after))
        changes = (_told(difference, 0) for difference in differences(old, new, is_changed, behind=behind))
        return _page(changes, query)


def layer_changes(folders: Sequence[Path], numbers: Iterable[int]) -> Iterator[tuple[int, Iterator[Difference]]]:
    """What each of these layers, counted from 1, does to those below; `folders` are all, lowest first."""
    with opened(list(folders)) as found:
        layers, lists = tuple(found[folder] for folder in folders), Remembered()
        for number in numbers:
            yield number, _differences(layers, number, (), lists)


def _differences(layers: Layers, number: int, behind: Parts, lists: Lists) -> Iterator[Difference]:
    """A path that the layer holds has changed by that: why else would it be there?"""
    below, this = layers[number - 2 :: -1] if number > 1 else (), layers[number - 1 :: -1]
    return differences(below, this, lambda *_: True, behind=behind, lists=lists)


def _page(changes: Iterator[FileChange], query: FileQuery) -> FilePage:
    if not 1 <= query.limit <= _MOST:
        raise InvalidSpec("limit", f"{query.limit} is not between 1 and {_MOST}")
    if query.kind and query.kind not in list(ChangeKind):
        raise InvalidSpec("kind", f"{query.kind[:40]!a} is not one of {', '.join(ChangeKind)}")
    sought = query.search.casefold()
    meant = (
        change
        for change in changes
        if sought in change.path.casefold() and (not query.kind or change.kind == query.kind)
    )
    files = tuple(islice(meant, query.limit))
    has_more = len(files) == query.limit and next(meant, None) is not None
    return FilePage(files, _cursor(files[-1]) if has_more else "")


def _told(difference: Difference, layer: int) -> FileChange:
    node = difference.node
    info = node.info
    return FileChange(
        path=text_of(difference.path),
        kind=difference.kind,
        type=type_of(info),
        mode=stat.S_IMODE(info.st_mode),
        uid=info.st_uid,
        gid=info.st_gid,
        size_bytes=_size(node),
        size_before_bytes=_size(difference.before),
        target=_target(node, difference.path),
        layer=layer,
    )


def _size(node: Node | None) -> int:
    return node.info.st_size if node is not None and stat.S_ISREG(node.info.st_mode) else 0


def _target(node: Node, path: bytes) -> str:
    if not stat.S_ISLNK(node.info.st_mode):
        return ""
    folder, _, name = path.rpartition(b"/")
    at = open_folder(node.layers[0], folder)
    if at is None:
        return ""
    try:
        return os.fsdecode(os.readlink(name, dir_fd=at))
    finally:
        os.close(at)


def _cursor(change: FileChange) -> str:
    """Where a page ended, in letters that any address may hold whatever bytes the path has."""
    path = os.fsencode(change.path.removeprefix("/"))
    return f"{change.layer}.{base64.urlsafe_b64encode(path).decode().rstrip('=')}"


def _place(cursor: str, first: int) -> tuple[int, Parts]:
    """The layer and the path to go on behind. Raises InvalidSpec."""
    if not cursor:
        return first, ()
    number, dot, encoded = cursor.partition(".")
    try:
        path = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        path = b""
    if not (dot and path and number.isascii() and number.isdigit() and int(number) >= first):
        raise InvalidSpec("after", f"{cursor[:80]!a} is not where a page ended", hint="Give back what a page said.")
    return int(number), tuple(path.split(b"/"))
