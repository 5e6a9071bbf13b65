"""The plain form of stored layers: blobs are kept as they came, and some have to be read uncompressed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import DamagedStore, InvalidArchive
from engine.images.layout import Layout, write_atomically
from engine.images.tar.streams import (
    CHUNK,
    Compression,
    Readable,
    buffered,
    compression_of,
    decompress,
    reading,
)

PLAIN_SIZE = "plain-size"
"""The file beside an unpacked layer that tells how many bytes its plain tar has."""


@contextmanager
def open_plain(blob: Path) -> Iterator[Readable]:
    """A stored layer's plain tar. Raises DamagedStore for what cannot be decompressed, also while it is read."""
    try:
        with blob.open("rb", buffering=0) as file, reading("a stored layer"):
            stream = buffered(file)
            yield decompress(stream, compression_of(stream, "it"))
    except InvalidArchive as error:
        raise DamagedStore(f"{blob.name}: {error.message}", hint="Load the image again.") from error


def plain_size(layout: Layout, chain_id: str, digest: str) -> int:
    """Bytes of a layer's plain tar; what an older load did not write down is counted once and kept."""
    told = layout.layer(chain_id) / PLAIN_SIZE
    try:
        return int(told.read_text())
    except FileNotFoundError:
        size = _counted(layout.blob(digest))
        write_atomically(told, str(size).encode())
        return size


def _counted(blob: Path) -> int:
    with blob.open("rb") as file:
        if compression_of(file, "it") is Compression.NONE:
            return blob.stat().st_size
    size = 0
    with open_plain(blob) as plain:
        while piece := plain.read(CHUNK):
            size += len(piece)
    return size
