"""Compresses log files that are written no more, in a child of the shim that gives way to everything else.

What is made is gzip (RFC 1952), so zcat(1) reads it, in members of 256 KiB each that tells its own length in a field of
the header (`MO`, as BGZF does it): a reader finds any place without unpacking all before it.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import time

from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

MEMBER_BYTES = 256 << 10
HEADER = struct.Struct("<4sIBBH2sHI")
"""Magic, method and flags; time; two bytes nobody minds; length of the field: `MO`, 4, the member's length."""
MAGIC = b"\x1f\x8b\x08\x04"
FIELD = b"MO"
TRAILER = struct.Struct("<II")
DELAY_S = 2.0
_LEVEL = 4
_EXPECTED = (errno.ENOENT, errno.ENOSPC, errno.EDQUOT)  # rotated away meanwhile, or with the container; a full disk
_LAST_FD = 0x7FFFFFFF


class Compressor:
    """Compresses the files that `list_files` names; each `<file>` becomes `<file>.gz` in one rename."""

    def __init__(self, list_files: Callable[[], list[str]]) -> None:
        self._list_files = list_files
        self._child = 0

    def start(self) -> None:
        """Fork a child that waits a moment and then compresses them, unless there is one at it."""
        if self._child and os.waitpid(self._child, os.WNOHANG)[0] == 0:
            return
        self._child = os.fork()
        if self._child == 0:
            _run(self._list_files)

    def stop(self) -> None:
        """Kill the child; it leaves a `<file>.gz.new` at most, and the next one begins anew."""
        if self._child:
            os.kill(self._child, 9)
            os.waitpid(self._child, 0)
            self._child = 0


def _run(list_files: Callable[[], list[str]]) -> NoReturn:
    try:
        process.prctl(process.PR_SET_PDEATHSIG, 9)
        process.set_name(b"moorage-gzip")
        os.closerange(3, _LAST_FD)  # the log's lock above all
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        time.sleep(DELAY_S)  # what floods in may be gone by then
        for path in list_files():
            compress(path)
    except OSError as error:
        if error.errno not in _EXPECTED:  # else the files stay as they are
            sys.excepthook(*sys.exc_info())
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)


def compress(path: str) -> None:
    """Put `<path>.gz` in the place of the file. Raises OSError."""
    import zlib  # noqa: PLC0415 - only the child needs it

    source = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    target = os.open(f"{path}.gz.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while data := os.read(source, MEMBER_BYTES):
            packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            packed = packer.compress(data) + packer.flush()
            length = HEADER.size + len(packed) + TRAILER.size
            _write_all(target, HEADER.pack(MAGIC, 0, 0, 255, 8, FIELD, 4, length) + packed)
            _write_all(target, TRAILER.pack(zlib.crc32(data), len(data)))
    finally:
        os.close(source)
        os.close(target)
    os.rename(f"{path}.gz.new", f"{path}.gz")
    os.unlink(path)


def _write_all(fd: int, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += os.write(fd, data[written:])
