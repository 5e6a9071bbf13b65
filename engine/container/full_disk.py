"""What a full disk is called, and the little room that a container can make on one by itself."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import StorageFull
from engine.launcher import messages

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Raise StorageFull where the disk has no room for `what`, which the block writes."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageFull(f"The disk has no room for {what}.", hint="Make room on it, then try again.") from error


def make_room(folder: Path) -> bool:
    """Let go of the plan of the container in `folder`, which can be compiled again; false when there is none.

    That is room enough for the few notes without which a container could not be stopped or removed.
    """
    try:
        (folder / messages.COMPILED).unlink()
    except FileNotFoundError:
        return False
    return True
