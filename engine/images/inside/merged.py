"""What several layers show together, folder by folder, as overlayfs would; nothing is mounted for it.

Layers are descriptors of their folders, topmost first. Overlayfs's rules are those of the kernel's
Documentation/filesystems/overlayfs.rst, "Upper and Lower" and "whiteouts and opaque directories".
"""

import errno
import os
import stat
from collections.abc import Iterator
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


def children(layers: Layers, path: bytes) -> dict[bytes, Node]:
    """What is in the folder `path`, by name; nothing where there is no such folder."""
    nodes: dict[bytes, Node] = {}
    closed: set[bytes] = set()  # names of which nothing further down shows
    for layer in layers:
        folder = open_folder(layer, path)
        if folder is None:
            continue
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    _merge(nodes, closed, os.fsencode(entry.name), Node(entry.stat(follow_symlinks=False), (layer,)))
            if _is_opaque(folder):
                break
        finally:
            os.close(folder)
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
