"""Where a load prepares its blobs and layers before all of them appear in the store at once.

A staging area leases what the store already has and the load builds upon, so that nobody's cleaning takes it away. The
kernel drops the lock of a process that dies, which is how the next cleaning knows what was left behind.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self
from uuid import uuid4

from engine.images.layout import Layout, sync_folder
from engine.sys.remove_tree import remove_tree

LEASES = "leases"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Staging:
    """A context manager: a folder of its own that is gone when it ends, whatever was not moved into the store."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.root = layout.staging / str(uuid4())
        self.blobs = self.root / "blobs"
        self.layers = self.root / "layers"
        self.trash = self.root / "trash"

    def __enter__(self) -> Self:
        with self._layout.locked():  # or a cleaning could take the folder before its owner is known
            for folder in (self.root, self.blobs, self.layers, self.trash):
                folder.mkdir()
            self._owner = os.open(self.root, _DIRECTORY)
            fcntl.flock(self._owner, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            remove_tree(self.root)
        finally:
            os.close(self._owner)

    def has_blob(self, digest: str) -> bool:
        """Whether the blob is here or in the store; one in the store stays there while this load lasts."""
        in_store = self._layout.blob(digest)
        return (self.blobs / _hex(digest)).exists() or self._lease(in_store.name, in_store)

    def has_layer(self, chain_id: str) -> bool:
        """The same for an unpacked layer."""
        in_store = self._layout.layer(chain_id)
        return (self.layers / _hex(chain_id)).exists() or self._lease(in_store.name, in_store / "size")

    def blob(self, digest: str) -> Path:
        """Where the blob is now, here or in the store."""
        here = self.blobs / _hex(digest)
        return here if here.exists() else self._layout.blob(digest)

    def layer(self, chain_id: str) -> Path:
        """Where the unpacked layer is now, here or in the store."""
        here = self.layers / _hex(chain_id)
        return here if here.exists() else self._layout.layer(chain_id)

    def lease(self, digests: Iterable[str]) -> None:
        """Keep these blobs and layers in the store while this lasts; call it under the lock, shared or not."""
        with (self.root / LEASES).open("a") as leases:
            leases.writelines(f"{_hex(digest)}\n" for digest in digests)

    @property
    def new_blob(self) -> Path:
        """A blob on its way in, whose digest is not known yet."""
        return self.root / "new-blob"

    @property
    def new_layer(self) -> Path:
        """A layer on its way in; `diff` in it is its tree, `size` what its files hold."""
        return self.root / "new-layer"

    def keep_blob(self, digest: str) -> None:
        """`new_blob` is whole and has this digest."""
        if not self.has_blob(digest):
            self.new_blob.rename(self.blobs / _hex(digest))

    def keep_layer(self, chain_id: str) -> None:
        """`new_layer` is whole and has this chain id."""
        if self.has_layer(chain_id):
            self.new_layer.rename(self.trash / str(uuid4()))
        else:
            self.new_layer.rename(self.layers / _hex(chain_id))

    def drop_layer(self) -> None:
        """`new_layer` came to nothing."""
        if self.new_layer.exists():
            self.new_layer.rename(self.trash / str(uuid4()))

    def link_blob(self, digest: str, path: Path) -> None:
        """`path`, a file of the store's disk that is whole, has this digest."""
        if not self.has_blob(digest):
            (self.blobs / _hex(digest)).hardlink_to(path)

    def add_blob(self, digest: str, data: bytes) -> None:
        """Stage a small blob."""
        if not self.has_blob(digest):
            (self.blobs / _hex(digest)).write_bytes(data)

    def names(self) -> list[str]:
        """The blobs and layers that are staged here."""
        return [path.name for here in (self.blobs, self.layers) for path in here.iterdir()]

    def publish(self) -> None:
        """Move everything into the store, where a layer or blob that has come meanwhile wins; under the lock."""
        for here, store in ((self.blobs, self._layout.blobs), (self.layers, self._layout.layers)):
            for path in here.iterdir():
                if not (store / path.name).exists():
                    path.rename(store / path.name)
                elif path.is_dir() and not (store / path.name / "size").exists():
                    (store / path.name).rename(self.trash / path.name)  # damaged
                    path.rename(store / path.name)
            sync_folder(store)

    def _lease(self, name: str, proof: Path) -> bool:
        with self._layout.locked():
            if not proof.exists():
                return False
            self.lease([name])
        return True


def abandoned(layout: Layout) -> Iterator[Path]:
    """Staging areas whose owners are dead; call it under the lock."""
    for path in layout.staging.iterdir():
        if has_no_owner(path):
            yield path


def leased(layout: Layout) -> set[str]:
    """Names of blobs and layers that loads at work build upon; call it under the lock."""
    files = [path / LEASES for path in layout.staging.iterdir()]
    return {name for file in files if file.exists() for name in file.read_text().split()}


def has_no_owner(path: Path) -> bool:
    """Whether a folder or file is there and nobody holds a lock on it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # its owner has just finished
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
