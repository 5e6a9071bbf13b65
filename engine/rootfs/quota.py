"""Limits what a container's writable layer may take, by a project quota of the file system below it."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import KernelError, Unsupported
from engine.sys import project_quota

_FIRST, _LAST = 1 << 20, (1 << 31) - 1
"""Where project ids are taken from by lot; administrators number theirs from 1."""
_TRIES = 16
_ABSENT = {errno.ESRCH, errno.ENOSYS, errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL}


def limit(folders: list[Path], limit_bytes: int) -> None:
    """Let the folders, which must be empty and on one file system, hold `limit_bytes` together.

    Raises Unsupported where the file system keeps no project quotas.
    """
    try:
        with _opened(folders[0]) as fd:
            project = _unused_project(fd)
            project_quota.set_limit(fd, project, limit_bytes)
        for folder in folders:
            with _opened(folder) as fd:
                project_quota.set_project(fd, project)
    except KernelError as error:
        if error.errno not in _ABSENT:
            raise
        raise Unsupported(
            f"The file system of {folders[0].parent} keeps no project quotas, so the size of a container cannot be"
            f" limited: {error.message}.",
            hint="Use xfs, or ext4 with the features quota and project, mounted with the option prjquota.",
        ) from error


def release(folder: Path) -> None:
    """Forget the limit of a folder that is about to be removed; not having one, or not being there, is fine."""
    try:
        with _opened(folder) as fd:
            project = project_quota.project_of(fd)
            if _FIRST <= project <= _LAST:
                project_quota.set_limit(fd, project, 0)
    except FileNotFoundError:
        return
    except KernelError as error:
        if error.errno not in _ABSENT:
            raise


def _unused_project(fd: int) -> int:
    for _ in range(_TRIES):
        project = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if project_quota.limit_of(fd, project) == (0, 0):
            return project
    raise Unsupported("No project id is free on this file system.")


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
