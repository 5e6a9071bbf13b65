"""The image store on disk: an OCI image layout (image-layout.md) with the layers unpacked beside it.

    home/images/oci-layout, index.json      one descriptor for each reference, one without a name for a nameless image
    home/images/blobs/sha256/<hex>          manifests, configurations, layers, byte for byte as they came
    home/images/layers/<chain id>/diff      a layer unpacked, ready as a lower layer of overlayfs; `size` beside it
    home/images/base/diff                   empty places for mounts, below all layers of every container
    home/images/staging/<uuid>/             a load at work; its owner holds a lock on it, so a dead one's is known
    home/images/incoming/<upload id>        uploads
    home/images/unsynced/<uuid>             names of what was published and may not be on the disk yet
    home/images/downloads/<hex>             blobs on their way from registries, for the next try where one fails

Blobs of layers stay as they came, compressed or not: manifests then keep their digests, and an image can be pushed or
saved again bit for bit. Readers take no lock: files appear and change only by rename. Writers hold `lock` (flock) for
the moment in which they rename; a load unpacks without it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from engine.images.layers import base as base_layer
from engine.spec import codec
from engine.spec.image import OCI_INDEX, Descriptor, Index
from engine.sys import file_lock

MARKER = b'{"imageLayoutVersion": "1.0.0"}\n'
"""What the file `oci-layout` holds."""


class Layout:
    """Paths of the store, its index and its lock. Folders are made on first use, open to root alone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"
        self.layers = root / "layers"
        self.base = root / "base" / "diff"
        self.staging = root / "staging"
        self.incoming = root / "incoming"
        self.downloads = root / "downloads"
        self.unsynced = root / "unsynced"
        self._index = root / "index.json"
        self._is_prepared = False

    def prepare(self) -> None:
        """Make the folders that are missing; 0700, since layers hold setuid programs."""
        if self._is_prepared:
            return
        for folder in (self.blobs, self.layers, self.staging, self.incoming, self.downloads, self.unsynced):
            folder.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        with file_lock.held(self.root / "lock", is_exclusive=True):
            marker = self.root / "oci-layout"
            if not marker.exists():
                self.replace_descriptors(())  # so that an index that is not there was lost
                write_atomically(marker, MARKER)
        base_layer.make(self.base)
        self._is_prepared = True

    def blob(self, digest: str) -> Path:
        """Where the blob `sha256:<hex>` is."""
        return self.blobs / digest.removeprefix("sha256:")

    def download(self, digest: str) -> Path:
        """Where the blob `sha256:<hex>` is while it is fetched."""
        return self.downloads / digest.removeprefix("sha256:")

    def layer(self, chain_id: str) -> Path:
        """The folder of the layer with this chain id; `diff` in it is its tree."""
        return self.layers / chain_id.removeprefix("sha256:")

    @contextmanager
    def locked(self, *, is_shared: bool = False) -> Iterator[None]:
        """Alone among the writers of all processes and threads, or shared with others who only keep them away."""
        self.prepare()
        with file_lock.held(self.root / "lock", is_exclusive=not is_shared):
            yield

    def index(self) -> bytes:
        """The index as it is now, empty while there is none."""
        try:
            return self._index.read_bytes()
        except FileNotFoundError:
            return b""

    def descriptors(self) -> tuple[Descriptor, ...]:
        """What the index holds now."""
        return descriptors_in(self.index())

    def replace_descriptors(self, descriptors: Sequence[Descriptor]) -> None:
        """Put a new index in the old one's place; call it under the lock. From here on a change is done."""
        index = codec.to_json(Index(tuple(descriptors), media_type=OCI_INDEX), oci=True) | {"schemaVersion": 2}
        write_atomically(self._index, json.dumps(index, indent=1).encode())


def descriptors_in(index: bytes) -> tuple[Descriptor, ...]:
    """What an index read before holds."""
    return codec.from_json(Index, json.loads(index), oci=True).manifests if index else ()


def write_atomically(path: Path, data: bytes, *, is_durable: bool = True) -> None:
    """The file appears whole or not at all, and is on the disk when this returns.

    One that is not to be durable may be found empty after a power cut.
    """
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        if is_durable:
            os.fsync(file.fileno())
    unfinished.rename(path)
    if is_durable:
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
