"""Loop devices: a file as a block device (loop(4), linux/loop.h)."""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import KernelError

_LOOP_CTL_GET_FREE, _LOOP_CONFIGURE = 0x4C82, 0x4C0A
_LOOP_GET_STATUS64, _LOOP_SET_CAPACITY = 0x4C05, 0x4C07
_LO_FLAGS_AUTOCLEAR = 4
_INFO = struct.Struct("=5Q4I64s64s32s2Q")  # struct loop_info64
_CONFIG_HEAD, _CONFIG_TAIL = struct.Struct("=2I"), bytes(64)  # struct loop_config around it
_TRIES = 16


@contextmanager
def attached(file: Path) -> Iterator[str]:
    """The path of the loop device that shows `file`, a new one unless there is one already.

    It goes by itself when nobody has it open or mounted any more; until the end of the block somebody has. Raises
    KernelError.
    """
    fd = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        device = _found(fd) or _attach(fd, file)
    finally:
        os.close(fd)
    try:
        yield os.readlink(f"/proc/self/fd/{device}")
    finally:
        os.close(device)


def grow(device: str) -> None:
    """Have the device as large as its file is now. Raises KernelError."""
    fd = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    try:
        _ioctl(fd, "LOOP_SET_CAPACITY", _LOOP_SET_CAPACITY, 0, device)
    finally:
        os.close(fd)


def _found(fd: int) -> int | None:
    """A descriptor of the device that shows the file already: two at once would each write what it likes."""
    info = os.fstat(fd)
    for entry in Path("/sys/block").glob("loop*"):
        if not (entry / "loop").exists():
            continue
        try:
            device = os.open(f"/dev/{entry.name}", os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # went away meanwhile
            continue
        if _shows(device, info):
            return device
        os.close(device)
    return None


def _shows(device: int, info: os.stat_result) -> bool:
    try:
        told = _INFO.unpack(fcntl.ioctl(device, _LOOP_GET_STATUS64, bytes(_INFO.size)))
    except OSError:
        return False  # of no file at all
    return told[:2] == (info.st_dev, info.st_ino)


def _attach(fd: int, file: Path) -> int:
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        for _ in range(_TRIES):
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
            device = os.open(f"/dev/loop{number}", os.O_RDWR | os.O_CLOEXEC)
            try:
                _configure(device, fd, file)
            except KernelError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # somebody else was faster
                    raise
            else:
                return device
    finally:
        os.close(control)
    raise KernelError("ioctl LOOP_CONFIGURE", errno.EBUSY, str(file))


def _configure(device: int, fd: int, file: Path) -> None:
    name = os.fsencode(file.name)[:63]
    info = _INFO.pack(0, 0, 0, 0, 0, 0, 0, 0, _LO_FLAGS_AUTOCLEAR, name, b"", b"", 0, 0)
    _ioctl(device, "LOOP_CONFIGURE", _LOOP_CONFIGURE, _CONFIG_HEAD.pack(fd, 0) + info + _CONFIG_TAIL, str(file))


def _ioctl(fd: int, name: str, request: int, argument: int | bytes, path: str) -> None:
    try:
        fcntl.ioctl(fd, request, argument)
    except OSError as error:
        raise KernelError(f"ioctl {name}", error.errno or 0, path) from error
