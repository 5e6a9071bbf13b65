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
from engine.images.registry import RemoteBlob
from engine.images.reporter import Reporter
from engine.images.tar.streams import CHUNK
from engine.spec.image import Descriptor

_LOOK_UP_EVERY_S = 0.1


@dataclass
class Download:
    """What several threads know of it: `count` bytes are in the file `path`, which `step` of the reporter tells of.

    It is done when all are there, verified, and kept; or `error` says why that will not be. Where they were others than
    the digest says, but perhaps a mirror's, it begins again: `turn` counts that. While `is_doubtful` that may happen.
    """

    blob: Descriptor
    path: Path
    reporter: Reporter
    step: int
    count: int = 0
    turn: int = 0
    is_doubtful: bool = False
    is_done: bool = False
    is_over: bool = False
    error: BaseException | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def fetch(self, fd: int, source: RemoteBlob, space: DiskSpace) -> None:
        """Go on where the file ends. Raises DigestMismatch for other bytes than the digest says, and keeps none then.

        Wrong bytes of a mirror, or of an earlier try, are fetched again without it.
        """
        self.is_doubtful = is_old = os.fstat(fd).st_size > 0
        self.is_doubtful |= source.may_be_a_mirrors
        digest = self._verify_old(fd)
        while True:
            self._receive(fd, source, digest, space)
            got = f"sha256:{digest.hexdigest()}"
            if (got, self.count) == (self.blob.digest, self.blob.size):
                return
            if not source.distrust() and not is_old:
                break
            is_old = False
            self._begin_again(fd)
            digest = hashlib.sha256()
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
        os.lseek(fd, 0, os.SEEK_SET)
        while data := os.read(fd, CHUNK):
            self.check()
            digest.update(data)
            self._advance(len(data))
        return digest

    def _receive(self, fd: int, source: RemoteBlob, digest: "hashlib._Hash", space: DiskSpace) -> None:
        """All that is missing."""
        if self.count >= self.blob.size:
            return
        self.reporter.mark(self.step, "downloading")
        source.begin(self.count)
        while self.count <= self.blob.size and (data := source.read(CHUNK)):
            self.check()
            space.use(len(data))
            digest.update(data)
            _write_all(fd, data)
            self._advance(len(data))

    def _begin_again(self, fd: int) -> None:
        """Drop all of it. Whoever reads it is told before the file is another."""
        with self._changed:
            self.turn += 1
            self.count = 0
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
            self._changed.notify_all()
        self.reporter.reach(self.step, 0)

    def _advance(self, count: int) -> None:
        with self._changed:
            self.count += count
            self._changed.notify_all()
        self.reporter.advance(self.step, count)


class BegunAgain(Exception):  # nothing is wrong with what comes now
    """What was read of a download was wrong; it is fetched anew."""


class Following(io.RawIOBase):
    """The bytes of a download from its beginning, as they come; the end only when all of it is verified.

    `on_wait` is called while there are none; it may raise to give up. Raises BegunAgain where what was read is void.
    """

    def __init__(self, download: Download, on_wait: Callable[[], None]) -> None:
        super().__init__()
        self._download, self._on_wait = download, on_wait
        self._file: io.FileIO | None = None
        self._position = 0
        self._turn = download.turn
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
            self._check_turn()
            return 0
        if download.count == download.blob.size:
            download.reporter.mark(download.step, "extracting")
        try:
            self._file = self._file or io.FileIO(download.path)
        except FileNotFoundError:  # other bytes than the digest says are removed, then that is told
            download.wait(sys.maxsize, self._look_up)
            raise
        count = self._file.readinto(view[: download.count - self._position]) or 0
        self._check_turn()
        self._position += count
        return count

    def _check_turn(self) -> None:
        if self._download.turn != self._turn:
            raise BegunAgain

    def _look_up(self) -> None:
        if self._is_stopped:
            raise Cancelled("nobody reads this any more")
        self._check_turn()
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
