"""What the kernel says to work on a tree's files, told in its owner's terms: the one map from errno to errors."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import Conflict, EngineError, InvalidSpec, KernelError, NotFound, StorageFull

_CONFLICTS = {
    errno.EROFS: ("is read-only: the file system it lies on takes no changes", "Change it where it can be written."),
    errno.EEXIST: ("is there already", "Choose another name, or say that it may be replaced."),
    errno.ENOTEMPTY: ("was changed by somebody meanwhile", "Try again."),
    errno.EISDIR: ("is a folder", "Choose another name."),
    errno.EBUSY: ("is in use by the kernel", "Something is mounted there, or holds it."),
    errno.EXDEV: ("lies on another file system", "Download and upload it instead."),
    errno.EPERM: (
        "may not be changed: the kernel forbids it",
        "It may be immutable (chattr +i), or made up by the kernel.",
    ),
    errno.EACCES: ("may not be changed: the kernel forbids it", "A file made up by the kernel has rules of its own."),
    errno.EOVERFLOW: ("has an owner that does not exist inside", "Change the owner first."),
    errno.EAGAIN: ("has nothing to tell at this moment", "Reading it would have to wait."),
    errno.EIO: ("cannot be read: input/output error", "The kernel's log may say why."),
    errno.EINVAL: ("cannot be used so: the kernel calls it invalid", "A folder cannot be moved into itself."),
}
_INVALID = {
    errno.ENOTDIR: "is not a folder",
    errno.ENAMETOOLONG: "is too long",
    errno.ELOOP: "goes through too many links, or one of those that lead out, as in /proc/self/fd",
    errno.ENODEV: "cannot be opened",
    errno.ENXIO: "cannot be opened",
}


@contextmanager
def telling(name: str, path: str) -> Iterator[None]:
    """Turn what the kernel refuses into an error about `path` in the tree called `name`."""
    try:
        yield
    except OSError as error:
        raise _told(error.errno or 0, name, path, error) from error
    except KernelError as error:
        raise _told(error.errno, name, path, error) from error


def _told(number: int, name: str, path: str, error: Exception) -> Exception:
    where = path[:200]
    if number in (errno.ENOENT, errno.ESTALE):
        return NotFound(f"There is no {where} in {name}.", hint="Somebody may have moved or removed it.")
    if number in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"{where} cannot be written: {os.strerror(number)}", hint="Remove something, or add space.")
    if number in _INVALID:
        return InvalidSpec("path", f"{where} {_INVALID[number]}")
    if number in _CONFLICTS:
        what, hint = _CONFLICTS[number]
        return Conflict(f"{where} {what}.", hint=hint)
    return error if isinstance(error, EngineError) else KernelError(type(error).__name__, number, where)
