"""Fills a new volume with what its image has at the place it is mounted on (Docker's copy-up).

The copy is made beside the volume's data, and moved in when it is whole: `staging` is one that was begun, `staged` one
that is complete and on its way in. Whoever finds the latter finishes it.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from engine.errors import KernelError, StorageFull
from engine.sys.copy_tree import copy_tree, dress
from engine.sys.remove_tree import remove_tree
from engine.sys.syncfs import syncfs


class _Places(NamedTuple):
    """Where a copy for the volume whose data is in `data` begins, and where it stands when it is whole."""

    staging: Path
    staged: Path
    data: Path


def _places(volume: Path, *, is_mounted: bool = False) -> _Places:
    data = volume / "_data"
    if is_mounted:
        return _Places(data / ".moorage-staging", data / ".moorage-staged", data)
    return _Places(volume / "staging", volume / "staged", data)


def fill(volume: Path, source: int, *, is_mounted: bool = False) -> None:
    """Copy what is in the folder `source` is open on, unless the volume holds anything; it becomes alike.

    `is_mounted`: the volume is a file system of its own. Raises StorageFull, KernelError; nothing of the copy stays
    then.
    """
    places = _places(volume, is_mounted=is_mounted)
    with _locked(volume):
        _settle(places)
        if os.listdir(places.data):
            return
        try:
            _copy(source, places.staging, volume.name)
        except BaseException:
            remove_tree(places.staging)
            raise
        places.staging.rename(places.staged)
        _settle(places)


def _copy(source: int, staging: Path, name: str) -> None:
    try:
        staging.mkdir(mode=0o700)
        with _opened(staging) as target:
            copy_tree(source, target)
        syncfs(staging)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            why = f"The volume {name} cannot be filled with what the image has: {error.strerror}."
            raise StorageFull(why, hint="Remove images, volumes or containers, or add space.") from error
        raise KernelError("copy", error.errno or 0, str(error.filename or staging)) from error


def settle(volume: Path) -> None:
    """Finish what a killed `fill` had copied, or undo it."""
    with _locked(volume):
        _settle(_places(volume))


def _settle(places: _Places) -> None:
    remove_tree(places.staging)
    staged, data = places.staged, places.data
    if not staged.is_dir():
        return
    for name in os.listdir(staged):
        try:
            os.rename(staged / name, data / name)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            continue  # a container that has the volume already made something of that name: its own counts
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
    with _opened(staged) as source, _opened(data) as target:
        dress(source, target)
    remove_tree(staged)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _locked(volume: Path) -> Iterator[None]:
    fd = os.open(volume / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
