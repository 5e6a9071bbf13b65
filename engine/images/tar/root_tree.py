"""A folder in a container's root that a tar is unpacked into: links lead where they lead the container itself."""

import os
from typing import Self

from engine.images.tar.tree import Parts, Tree
from engine.rootfs.ids import Ids
from engine.rootfs.inside import INSIDE, clean, open_folder
from engine.sys.openat2 import openat2
from engine.sys.remove_tree import remove_tree_at

_FOLDER_MODE = 0o755


class RootTree(Tree):
    """The folder at `path` of the root that `inside` is a descriptor of; made with `open`."""

    def __init__(self, folder: int, inside: int, path: bytes, ids: Ids) -> None:
        super().__init__(folder)
        self._inside = inside
        self._path = path
        self._owner = ids.users.to_outside(0), ids.groups.to_outside(0)

    @classmethod
    def open(cls, root: int, path: str, ids: Ids) -> Self:
        """The tree at `path`, a link at its end followed. Raises NotFound, InvalidSpec where there is no folder."""
        at = clean(path)
        return cls(open_folder(root, at), root, os.fsencode(at), ids)

    def _open(self, path: bytes) -> int:
        return openat2(self._inside, self._path + b"/" + path, os.O_RDONLY | os.O_DIRECTORY, resolve=INSIDE)

    def _take_away(self, parent: int, name: bytes) -> None:
        remove_tree_at(parent, name)

    def _implied(self, parts: Parts) -> tuple[int, int, int]:
        return *self._owner, _FOLDER_MODE
