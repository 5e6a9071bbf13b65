"""One blob on its way from a registry into a file, which can be read while it grows."""

import hashlib
import io
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import Cancelled, DigestMismatch
from engine.images.limits import DiskSpace
from engine.images.reporter import Reporter
from engine.images.tar.streams import CHUNK, Readable
from engine.spec.image import Descriptor

_LOOK_UP_EVERY_S = 0.1


@dataclass
class Download:
    """What several threads know of it: `count` bytes are in the file `path`, which `step` of the reporter tells of.

    It is done when all are there, verified, and kept; or `error` says why that will not be.
    """

    blob: Descriptor
    path: Path
    reporter: Reporter
    step: int
    count: int = 0
    is_done: bool = False
    is_over: bool = False
    error: BaseException | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def fetch(self, fd: int, open_from: Callable[[int], Readable], space: DiskSpace) -> None:
        """Go on where the file ends. Raises DigestMismatch for other bytes than the digest says, and keeps none then.

        `open_from` gives the blob from a byte on.
        """
        digest = self._verify_old(fd)
        if self.count < self.blob.size:
            self.reporter.mark(self.step, "downloading")
            source = open_from(self.count)
            while self.count <= self.blob.size and (data := source.read(CHUNK)):
                self.check()
                space.use(len(data))
                digest.update(data)
                _write_all(fd, data)
                self._advance(len(data))
        got = f"sha256:{digest.hexdigest()}"
        if (got, self.count) != (self.blob.digest, self.blob.size):
            self.path.unlink()
            raise DigestMismatch(
                f"digest mismatch: expected {self.blob.digest} of {self.blob.size} bytes, got {got} of {self.count}",
                hint="The registry, or something on the way, has altered it. Nothing of it was kept.",
            )

    def check(self) -> None:
        """Raises Cancelled when the pull is over."""
        if self.is_over:
            raise Cancelled("the pull is over")

    def finish(self, error: BaseException | None = None) -> None:
        """It is done, or `error` ended it."""
        with self._changed:
            self.error, self.is_done = error, error is None
            self._changed.notify_all()

    def wait(self, position: int, on_wait: Callable[[], None]) -> None:
        """Until there are bytes after this position, or all are there. Raises what ended it."""
        with self._changed:
            while self.count <= position and not self.is_done and self.error is None:
                self._changed.wait(_LOOK_UP_EVERY_S)
                on_wait()
        if self.error is not None:
            raise self.error

    def _verify_old(self, fd: int) -> "hashlib._Hash":
        """Hash what an earlier try left; more than there should be is nothing."""
        digest = hashlib.sha256()
        if os.fstat(fd).st_size > self.blob.size:
            os.ftruncate(fd, 0)
        self.reporter.mark(self.step, "verifying" if os.fstat(fd).st_size else "downloading")
        while data := os.read(fd, CHUNK):
            self.check()
            digest.update(data)
            self._advance(len(data))
        return digest

    def _advance(self, count: int) -> None:
        with self._changed:
            self.count += count
            self._changed.notify_all()
        self.reporter.advance(self.step, count)


class Following(io.RawIOBase):
    """The bytes of a download from its beginning, as they come; the end only when all of it is verified.

    `on_wait` is called while there are none; it may raise to give up.
    """

    def __init__(self, download: Download, on_wait: Callable[[], None]) -> None:
        super().__init__()
        self._download, self._on_wait = download, on_wait
        self._file: io.FileIO | None = None
        self._position = 0
        self._is_stopped = False

    def stop(self) -> None:
        """Let go of another thread that waits here for more."""
        self._is_stopped = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # io calls it with a writable buffer
        download = self._download
        download.wait(self._position, self._look_up)
        if self._position >= download.blob.size:
            download.wait(sys.maxsize, self._look_up)
            return 0
        if download.count == download.blob.size:
            download.reporter.mark(download.step, "extracting")
        try:
            self._file = self._file or io.FileIO(download.path)
        except FileNotFoundError:  # other bytes than the digest says are removed, then that is told
            download.wait(sys.maxsize, self._look_up)
            raise
        count = self._file.readinto(view[: download.count - self._position]) or 0
        self._position += count
        return count

    def _look_up(self) -> None:
        if self._is_stopped:
            raise Cancelled("nobody reads this any more")
        self._on_wait()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        super().close()


def _write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:  # a full disk shows as a short write first
        left = left[os.write(fd, left) :]
