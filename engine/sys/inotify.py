"""inotify(7): the kernel tells when files change, so that nobody has to ask."""

from __future__ import annotations

import ctypes
import os
import struct

from engine.errors import KernelError

TYPE_CHECKING = False  # a shim waits for changes too
if TYPE_CHECKING:
    from collections.abc import Iterator

# <sys/inotify.h>
IN_MODIFY = 0x00000002
IN_CLOSE_WRITE = 0x00000008
IN_MOVED_TO = 0x00000080
IN_CREATE = 0x00000100
IN_DELETE_SELF = 0x00000400
IN_MOVE_SELF = 0x00000800
IN_Q_OVERFLOW = 0x00004000
IN_IGNORED = 0x00008000
IN_MASK_ADD = 0x20000000
IN_ONESHOT = 0x80000000

_EVENT = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, length of the name that follows
_libc = ctypes.CDLL(None, use_errno=True)
_libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)


class InotifyEvent:
    """What happened to watch `wd` (-1: the queue ran over), and to which `name` if it watches a folder."""

    def __init__(self, wd: int, mask: int, name: str) -> None:
        self.wd = wd
        self.mask = mask
        self.name = name


def inotify_init1() -> int:
    """A new non-blocking, close-on-exec inotify descriptor. Raises `KernelError`."""
    fd = int(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if fd < 0:
        raise KernelError("inotify_init1", ctypes.get_errno(), hint="raise the sysctl fs.inotify.max_user_instances")
    return fd


def inotify_add_watch(fd: int, path: str, mask: int) -> int:
    """Watch `path` for the events of `mask`; the number of a watch that exists already if there is one on that file."""
    wd = int(_libc.inotify_add_watch(fd, os.fsencode(path), mask))
    if wd < 0:
        raise KernelError(
            "inotify_add_watch", ctypes.get_errno(), path, hint="raise the sysctl fs.inotify.max_user_watches"
        )
    return wd


def inotify_rm_watch(fd: int, wd: int) -> None:
    """Remove a watch; one that is gone already is no error, since the kernel removes them too."""
    _libc.inotify_rm_watch(fd, wd)


def read_events(fd: int) -> Iterator[InotifyEvent]:
    """The events that are waiting, none if there are none."""
    try:
        buffer = os.read(fd, 64 << 10)
    except BlockingIOError:
        return
    offset = 0
    while offset < len(buffer):
        wd, mask, _, length = _EVENT.unpack_from(buffer, offset)
        offset += _EVENT.size + length
        yield InotifyEvent(wd, mask, os.fsdecode(buffer[offset - length : offset].rstrip(b"\0")))
