"""What several layers show together, folder by folder, as overlayfs would; nothing is mounted for it.

Layers are descriptors of their folders, topmost first. Overlayfs's rules are those of the kernel's
Documentation/filesystems/overlayfs.rst, "Upper and Lower" and "whiteouts and opaque directories".
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from engine.errors import DamagedStore
from engine.rootfs.overlay import OPAQUE, is_whiteout
from engine.rootfs.walk import open_folder

Layers = tuple[int, ...]
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Node(NamedTuple):
    """One entry. `layers` are, of a folder, all that may hold something of it; of anything else the one it is in.

    Folders of equal `layers` under the same path show the same.
    """

    info: os.stat_result
    layers: Layers

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder itself, and no link to one."""
        return stat.S_ISDIR(self.info.st_mode)


class Listing(NamedTuple):
    """What one layer holds in a folder, and whether the folder hides what lower layers have there."""

    nodes: tuple[tuple[bytes, Node], ...] = ()
    is_opaque: bool = False


Lists = Callable[[int, bytes], Listing]
"""Lists a layer's folder; nothing where the layer has no such folder."""


def listing(layer: int, path: bytes) -> Listing:
    """The folder as it is on the disk."""
    folder = open_folder(layer, path)
    if folder is None:
        return Listing()
    try:
        with os.scandir(folder) as entries:
            nodes = tuple(
                (os.fsencode(entry.name), Node(entry.stat(follow_symlinks=False), (layer,))) for entry in entries
            )
        return Listing(nodes, _is_opaque(folder))
    finally:
        os.close(folder)


class Remembered:
    """Lists folders and remembers them, up to so many entries: who looks at one layer after the other asks again."""

    MOST = 20_000

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], Listing] = {}
        self._count = 0

    def __call__(self, layer: int, path: bytes) -> Listing:
        """The folder, from the disk only the first time."""
        known = self._known.get((layer, path))
        if known is None:
            known = listing(layer, path)
            if self._count < self.MOST:
                self._known[layer, path] = known
                self._count += 1 + len(known.nodes)
        return known


def children(layers: Layers, path: bytes, lists: Lists = listing) -> dict[bytes, Node]:
    """What is in the folder `path`, by name; nothing where there is no such folder."""
    nodes: dict[bytes, Node] = {}
    closed: set[bytes] = set()  # names of which nothing further down shows
    for layer in layers:
        found = lists(layer, path)
        for name, node in found.nodes:
            _merge(nodes, closed, name, node)
        if found.is_opaque:
            break
    return nodes


@contextmanager
def opened(folders: list[Path]) -> Iterator[dict[Path, int]]:
    """Descriptors of layers' folders, each opened once. Raises DamagedStore."""
    with ExitStack() as stack:
        found: dict[Path, int] = {}
        for folder in folders:
            if folder not in found:
                found[folder] = _open(folder)
                stack.callback(os.close, found[folder])
        yield found


def _merge(nodes: dict[bytes, Node], closed: set[bytes], name: bytes, node: Node) -> None:
    if name in closed:
        return
    above = nodes.get(name)
    if node.is_folder:
        nodes[name] = node if above is None else Node(above.info, above.layers + node.layers)
        return
    closed.add(name)
    if above is None and not is_whiteout(node.info):
        nodes[name] = node


def _is_opaque(folder: int) -> bool:
    try:
        return os.getxattr(folder, OPAQUE) == b"y"
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return False
        raise


def _open(folder: Path) -> int:
    try:
        return os.open(folder, _DIRECTORY)
    except FileNotFoundError:
        raise DamagedStore(f"the image store lacks layer {folder.parent.name}", hint="Load the image again.") from None
