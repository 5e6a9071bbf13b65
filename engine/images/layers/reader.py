"""Reads a stored layer once, and does everything with it on the way: digests, copy, decompression, limits."""

from collections.abc import Callable
from typing import BinaryIO, Self

from engine.images.limits import check_growth
from engine.images.tar.read_ahead import ReadAhead
from engine.images.tar.streams import (
    READ_AHEAD,
    Compression,
    DigestReader,
    OnRead,
    Readable,
    buffered,
    compression_of,
    decompress,
    drain,
)


class LayerReader:
    """`tar` is the layer's plain tar. After `finish()` the digests of both forms are known. A context manager.

    `copy_to` gets the bytes as they are stored, `on_read` is told the length of each piece of them, `on_plain` of each
    piece of the plain form: a compressed layer is read in a thread of its own, which calls them. `on_wait` is called by
    the one who reads. All may raise. Of a source that `is_verified` the digest as it is stored is not computed.
    """

    def __init__(
        self,
        source: Readable,
        *,
        copy_to: BinaryIO | None,
        on_read: OnRead,
        on_plain: OnRead,
        on_wait: Callable[[], None],
        is_verified: bool = False,
    ) -> None:
        self._stored = DigestReader(source, copy_to=copy_to, on_read=on_read, is_hashed=not is_verified)
        self._stored_stream = buffered(self._stored, READ_AHEAD)
        self.compression = compression_of(self._stored_stream, "it")
        self._on_plain = on_plain
        plain = decompress(self._stored_stream, self.compression)
        is_plain = self.compression is Compression.NONE
        # A plain layer has one digest, so it is not computed twice.
        self._is_diff_id_known = is_plain and not is_verified
        self._plain = DigestReader(plain, on_read=self._check, is_hashed=not self._is_diff_id_known)
        # A plain one may come from a generator, which stays in its own thread.
        self._ahead = None if is_plain else ReadAhead(self._plain, on_wait=on_wait)
        self.tar = buffered(self._ahead or self._plain)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ahead is not None:
            self._ahead.close()

    def finish(self) -> None:
        """Read what follows the tar's end, which belongs to the digests too."""
        drain(self.tar)
        drain(self._stored_stream)

    @property
    def digest(self) -> str:
        """Digest of the layer as it is stored."""
        return self._stored.digest

    @property
    def size(self) -> int:
        """Bytes of the layer as it is stored."""
        return self._stored.count

    @property
    def plain_size(self) -> int:
        """Bytes of the plain tar."""
        return self._plain.count

    @property
    def diff_id(self) -> str:
        """Digest of the plain tar."""
        return self._stored.digest if self._is_diff_id_known else self._plain.digest

    def _check(self, count: int) -> None:
        check_growth(self._stored.count, self._plain.count)
        self._on_plain(count)
