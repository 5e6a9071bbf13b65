"""All that may be done with the files of one container or volume: each verb opens the tree, works and closes it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import BinaryIO, TypeVar

from engine.files import access, listing, moving, reading, removing, writing
from engine.files.acting import as_root_of
from engine.files.tree import Tree
from engine.images.tar.stream_out import TarStream
from engine.spec.browsing import AccessChange, FileEntry, FileView, FolderPage, FolderQuery, Removable

Opens = Callable[[], AbstractContextManager[Tree]]
Result = TypeVar("Result")


class Files:
    """`reading` opens the tree to look at it, `writing` to change it as well.

    All verbs raise NotFound, InvalidSpec for a path that leads nowhere it could, and Conflict; those that change
    something StorageFull too.
    """

    def __init__(self, reading: Opens, writing: Opens) -> None:
        self._reading = reading
        self._writing = writing

    def list(self, query: FolderQuery) -> FolderPage:
        """Entries of a folder. See `engine.files.listing`."""
        with self._reading() as tree:
            return listing.list_folder(tree, query)

    def stat(self, path: str) -> FileEntry:
        """What is there. See `engine.files.listing`."""
        with self._reading() as tree:
            return listing.stat_path(tree, path)

    def view(self, path: str) -> FileView:
        """A file to be shown. See `engine.files.reading`."""
        with self._reading() as tree:
            return reading.view(tree, path)

    def read(self, path: str) -> TarStream:
        """A file's bytes as they are. See `engine.files.reading`."""
        with ExitStack() as resources:
            tree = resources.enter_context(self._reading())
            return reading.read(tree, path, resources)

    def pack(self, path: str) -> TarStream:
        """A folder as a tar. See `engine.files.reading`."""
        with ExitStack() as resources:
            tree = resources.enter_context(self._reading())
            return reading.pack(tree, path, resources)

    def removable(self, paths: Sequence[str]) -> Removable:
        """What would go. See `engine.files.removing`."""
        with self._reading() as tree:
            return removing.removable(tree, paths)

    def put(self, path: str, source: BinaryIO, *, replaces: bool = False, digest: str = "") -> FileEntry:
        """Write a file. See `engine.files.writing`."""

        def work(tree: Tree) -> FileEntry:
            writing.put(tree, path, source, replaces=replaces, digest=digest)
            return listing.stat_path(tree, path)

        return self._change(work)

    def make_folder(self, path: str) -> FileEntry:
        """Make a folder. See `engine.files.writing`."""

        def work(tree: Tree) -> FileEntry:
            writing.make_folder(tree, path)
            return listing.stat_path(tree, path)

        return self._change(work)

    def move(self, path: str, target: str) -> FileEntry:
        """Move it. See `engine.files.moving`."""

        def work(tree: Tree) -> FileEntry:
            moving.move(tree, path, target)
            return listing.stat_path(tree, target)

        return self._change(work)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove them. See `engine.files.removing`."""
        self._change(lambda tree: removing.remove(tree, paths))

    def change_access(self, paths: Sequence[str], change: AccessChange) -> None:
        """Change modes and owners. See `engine.files.access`."""
        self._change(lambda tree: access.change_access(tree, paths, change))

    def _change(self, work: Callable[[Tree], Result]) -> Result:
        with self._writing() as tree:
            return as_root_of(tree.ids, lambda: work(tree))
