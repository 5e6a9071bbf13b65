"""Where the bytes of blobs are: what the registry asks of it. `panel/distribution/folder.py` is a folder of its own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol


class Writer(Protocol):
    """One request's hold on an upload. `length` bytes are in it."""

    length: int

    def write(self, data: bytes) -> None:
        """Append. Raises StorageFull."""

    def verify(self, digest: str) -> None:
        """Raises DigestInvalid unless that is the digest of all that was written."""

    def publish(self, digest: str) -> None:
        """Make it the blob `digest`, on the disk for good, and let go of it. It was verified.

        Raises UploadUnknown if it was cancelled meanwhile.
        """

    def close(self) -> None:
        """Let go of it; what was written stays for a later request."""


class Storage(Protocol):
    """What keeps blobs, and uploads on their way to become some."""

    def open(self, digest: str) -> BinaryIO:
        """The blob, for reading; FileNotFoundError."""

    def remove(self, digest: str) -> None:
        """Forget a blob; no-op if it is not there."""

    def blobs(self) -> Iterator[tuple[str, float]]:
        """Every blob's digest, and when it came to be (seconds since 1970)."""

    def held(self, *, alone: bool = False) -> AbstractContextManager[None]:
        """Hold it while a blob and its row come or go together: those who add blobs share it, who removes some is
        alone. Taken before any transaction begins."""

    def begin(self, upload: str) -> None:
        """Start an upload with nothing in it."""

    def length(self, upload: str) -> int:
        """How many bytes of it are here. Raises UploadUnknown."""

    def write(self, upload: str) -> Writer:
        """Go on with it. Raises UploadUnknown, or UploadBusy while another request writes it."""

    def cancel(self, upload: str) -> None:
        """Forget it; no-op if it is not there."""

    def uploads(self) -> Iterator[tuple[str, float]]:
        """Every upload's id, and when it was last written (seconds since 1970)."""
