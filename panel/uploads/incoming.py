"""What was uploaded to this host, as the task that uses it up finds it. Imports no Django."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from engine import Cancelled, NotFound
from panel.environment import Environment
from panel.operations import payload
from panel.operations.work import Work


@contextmanager
def opened(work: Work, upload: str) -> Iterator[BinaryIO]:
    """The uploaded file, open for reading; gone afterwards, however it went."""
    payload.check_uuid("upload", upload)
    path = Environment.from_env().home / "images" / "incoming" / upload
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"the upload {upload} is not on this host", hint="Upload the file again.") from error
    with file:
        try:
            if work.is_cancelled():
                raise Cancelled("it was taken back before it began")
            yield file
        finally:
            path.unlink(missing_ok=True)
