"""Uploads on their way in: one file each in `home/images/incoming`, named by the upload's id."""

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from uuid import UUID

from engine.errors import InvalidSpec, NotFound
from engine.images.layout import sync_folder
from engine.images.limits import DiskSpace, noticing_full_disk

_FILE_MODE = 0o600
STALE_AFTER_S = 24 * 3600.0


class Upload:
    """Bytes written piece by piece, then committed or aborted; a context manager that aborts when its body raises.

    `abort` also removes a committed upload, once it has been used.
    """

    def __init__(self, folder: Path, upload_id: str) -> None:
        self.id = checked_id(upload_id)
        self._path = folder / self.id
        self._unfinished = folder / f"{self.id}.part"
        self._space = DiskSpace(folder)
        self._file: BinaryIO | None = None
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is not None:
            self.abort()
        elif self._file is not None:
            self._file.close()

    def write(self, data: bytes) -> None:
        """Append; the first call starts the upload anew. Raises StorageFull."""
        self._space.use(len(data))
        with noticing_full_disk(self._path.parent):
            self._opened().write(data)
        self._size += len(data)

    def commit(self) -> int:
        """Bring the upload to the disk under its id; returns its size in bytes. Raises StorageFull."""
        with noticing_full_disk(self._path.parent):
            file = self._opened()
            file.flush()
            os.fsync(file.fileno())
            file.close()
        self._unfinished.rename(self._path)
        sync_folder(self._path.parent)
        self._file = None
        return self._size

    def open(self) -> BinaryIO:
        """The committed upload, for reading. Raises NotFound."""
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            raise NotFound(f"no upload {self.id} on this host", hint="Upload the archive again.") from None

    def abort(self) -> None:
        """Remove the upload, finished or not; it may be gone already."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._unfinished.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            fd = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE_MODE)
            self._file = os.fdopen(fd, "wb")
        return self._file


def checked_id(upload_id: str) -> str:
    """The id, if it is a UUID as Python writes it. Raises InvalidSpec."""
    try:
        is_uuid = str(UUID(upload_id)) == upload_id
    except ValueError:
        is_uuid = False
    if not is_uuid:
        raise InvalidSpec("upload", f"{upload_id[:80]!a} is not an upload's id", hint="Ids are lower-case UUIDs.")
    return upload_id
