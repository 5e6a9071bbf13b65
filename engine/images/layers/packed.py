"""Plain layers gzip-compressed for registries: the same layer always to the same bytes, so that it is sent once.

Nothing of where, when or by whom is in them. ISA-L's second level gives the same on every processor that has SSE 4.2;
should another version or processor give others, these are sent anew, and are as good.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from isal import isal_zlib

from engine.images.layout import Layout, write_atomically
from engine.images.limits import DiskSpace
from engine.images.tar.streams import CHUNK
from engine.spec.image import DOCKER_LAYER, OCI_LAYER, Descriptor

_LEVEL = 2
_GZIP = 31  # a gzip header around it: without a name, of time 0
_NOTE = "gzip"
"""The file beside an unpacked layer that tells digest and bytes of its compressed form."""
_PACKED_TYPES = {OCI_LAYER: f"{OCI_LAYER}+gzip", DOCKER_LAYER: f"{DOCKER_LAYER}.gzip"}


@dataclass(frozen=True)
class PlainLayer:
    """A layer that is stored plain: its descriptor, and what it makes together with those below."""

    blob: Descriptor
    chain_id: str

    @property
    def is_packable(self) -> bool:
        """Whether registries are to have it compressed."""
        return self.blob.media_type in _PACKED_TYPES

    def noted(self, layout: Layout) -> Descriptor | None:
        """Its compressed form as it was the last time, None for the first."""
        try:
            digest, size = (layout.layer(self.chain_id) / _NOTE).read_text().split()
        except FileNotFoundError:
            return None
        return Descriptor(_PACKED_TYPES[self.blob.media_type], digest, int(size))

    def pack(self, layout: Layout, into: BinaryIO, space: DiskSpace, on_plain: Callable[[int], None]) -> Descriptor:
        """Write its compressed form and note what that is; `on_plain` hears how far it is and may raise.

        Raises StorageFull.
        """
        deflate, digest, size, position = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP), sha256(), 0, 0
        with layout.blob(self.blob.digest).open("rb", buffering=0) as plain:
            while position < self.blob.size:
                data = plain.read(CHUNK)
                position += len(data)
                packed = deflate.compress(data) if data else b""
                if position >= self.blob.size or not data:
                    packed += deflate.flush()
                space.use(len(packed))
                into.write(packed)
                digest.update(packed)
                size += len(packed)
                on_plain(position)
        into.flush()
        write_atomically(layout.layer(self.chain_id) / _NOTE, f"sha256:{digest.hexdigest()} {size}".encode())
        return Descriptor(_PACKED_TYPES[self.blob.media_type], f"sha256:{digest.hexdigest()}", size)
