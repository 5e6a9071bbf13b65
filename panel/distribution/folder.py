"""The registry's blobs in a folder that the web process owns.

    home/registry/blobs/sha256/<hex>   as in an OCI image layout
    home/registry/uploads/<uuid>       what came so far of a blob; locked by the request that writes it
    home/registry/lock                 shared by who adds a blob, held alone by who collects garbage

A blob appears with one rename of a file that is complete, verified and on the disk. Its row in the database comes after
it and goes before it: so there may be files no row knows, which are collected, never the other way round.
"""

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from panel.distribution.errors import DigestInvalid, StorageFull, UploadBusy, UploadUnknown

ALGORITHMS = ("sha256", "sha512")
READ_BYTES = 1 << 20
MOST_HASHES = 1000
SPARE_BYTES, SPARE_SHARE = 1 << 30, 0.02


class Hashes:
    """How far uploads between two requests are hashed. One that is not known here is read again from the disk."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Any]] = {}
        self._lock = threading.Lock()

    def take(self, upload: str, length: int) -> Any:
        """The SHA-256 of its first `length` bytes, or None."""
        with self._lock:
            known = self._known.pop(upload, (-1, None))
        return known[1] if known[0] == length else None

    def keep(self, upload: str, length: int, digest: Any) -> None:
        """Remember it; of too many the oldest is forgotten."""
        with self._lock:
            self._known[upload] = (length, digest)
            if len(self._known) > MOST_HASHES:
                del self._known[next(iter(self._known))]


class FolderWriter:
    """One request's hold on an upload: the open file, locked. `length` bytes are in it, hashed as they come."""

    def __init__(self, folder: "Folder", upload: str, descriptor: int) -> None:
        self._folder, self._upload, self._descriptor = folder, upload, descriptor
        self.length = os.fstat(descriptor).st_size
        self._sha256 = folder.hashes.take(upload, self.length) or hashed(descriptor, "sha256")

    def write(self, data: bytes) -> None:
        """Append; as much of it as has room."""
        self._folder.check_room(len(data))
        view = memoryview(data)
        while view:
            try:
                count = os.pwrite(self._descriptor, view, self.length)
            except OSError as error:
                raise StorageFull(f"the registry's disk takes no more: {error.strerror}") from error
            self._sha256.update(view[:count])
            self.length += count
            view = view[count:]

    def verify(self, digest: str) -> None:
        """Compare; a digest other than SHA-256 costs reading it all once more."""
        algorithm, _, wanted = digest.partition(":")
        computed = self._sha256 if algorithm == "sha256" else hashed(self._descriptor, algorithm)
        if computed.hexdigest() != wanted:
            raise DigestInvalid(f"what came is {algorithm}:{computed.hexdigest()}, not {digest}", field="digest")

    def publish(self, digest: str) -> None:
        """On the disk first, then under its name. Raises UploadUnknown if it was cancelled meanwhile."""
        os.fsync(self._descriptor)
        path = self._folder.path_of(digest)
        try:
            os.replace(self._folder.uploading / self._upload, path)
        except FileNotFoundError:
            raise _unknown(self._upload) from None
        sync_folder(path.parent)
        self.close(is_over=True)

    def close(self, *, is_over: bool = False) -> None:
        """Closing unlocks. Safe to call twice."""
        if self._descriptor >= 0:
            if not is_over:
                self._folder.hashes.keep(self._upload, self.length, self._sha256)
            os.close(self._descriptor)
            self._descriptor = -1


class Folder:
    """The storage in the folder `root`, made on first use."""

    def __init__(self, root: Path) -> None:
        self.root, self.uploading, self.hashes = root, root / "uploads", Hashes()
        for folder in (self.uploading, *(root / "blobs" / algorithm for algorithm in ALGORITHMS)):
            folder.mkdir(parents=True, exist_ok=True)

    def path_of(self, digest: str) -> Path:
        """Where that blob is; `digest` was checked."""
        return self.root / "blobs" / digest.replace(":", "/")

    def check_room(self, count: int) -> None:
        """Raise StorageFull where `count` bytes more would leave less than the smaller of 1 GiB and 2 % of the disk."""
        disk = os.statvfs(self.uploading)
        spare = min(SPARE_BYTES, int(SPARE_SHARE * disk.f_blocks * disk.f_frsize))
        if disk.f_bavail * disk.f_frsize - count < spare:
            raise StorageFull("the registry's disk is full", hint="Delete tags, or let rules do it, then collect.")

    def open(self, digest: str) -> BinaryIO:
        """The file."""
        return self.path_of(digest).open("rb")

    def remove(self, digest: str) -> None:
        """Unlink it; who reads it right now reads on."""
        self.path_of(digest).unlink(missing_ok=True)

    def blobs(self) -> Iterator[tuple[str, float]]:
        """Every file that is named by a digest."""
        for algorithm in ALGORITHMS:
            for name, at in _files(self.root / "blobs" / algorithm):
                yield f"{algorithm}:{name}", at

    @contextmanager
    def held(self, *, alone: bool = False) -> Iterator[None]:
        """By a lock on a file, which ends with the process that holds it."""
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def begin(self, upload: str) -> None:
        """An empty file."""
        os.close(os.open(self.uploading / upload, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def length(self, upload: str) -> int:
        """The file's size."""
        try:
            return (self.uploading / upload).stat().st_size
        except FileNotFoundError:
            raise _unknown(upload) from None

    def write(self, upload: str) -> FolderWriter:
        """Open and lock it."""
        try:
            descriptor = os.open(self.uploading / upload, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise _unknown(upload) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.stat(self.uploading / upload)  # it may have become a blob while this one waited to open it
            return FolderWriter(self, upload, descriptor)
        except BlockingIOError:
            os.close(descriptor)
            raise UploadBusy("another request writes this upload right now", hint="Ask for its status.") from None
        except FileNotFoundError:
            os.close(descriptor)
            raise _unknown(upload) from None

    def cancel(self, upload: str) -> None:
        """Unlink it."""
        self.hashes.take(upload, 0)
        (self.uploading / upload).unlink(missing_ok=True)

    def uploads(self) -> Iterator[tuple[str, float]]:
        """Every file there."""
        return _files(self.uploading)


def _files(folder: Path) -> Iterator[tuple[str, float]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                yield entry.name, entry.stat().st_mtime


def _unknown(upload: str) -> UploadUnknown:
    return UploadUnknown(f"there is no upload {upload}", hint="Start it afresh.")


def hashed(descriptor: int, algorithm: str) -> Any:
    """The hash of all that is in a file."""
    digest, offset = hashlib.new(algorithm), 0
    while data := os.pread(descriptor, READ_BYTES, offset):
        digest.update(data)
        offset += len(data)
    return digest


def sync_folder(path: Path) -> None:
    """Have a rename on the disk before anything relies on it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_opened: dict[Path, Folder] = {}


def storage() -> Folder:
    """This panel's."""
    root = settings.ENVIRONMENT.home / "registry"
    return _opened.get(root) or _opened.setdefault(root, Folder(root))
