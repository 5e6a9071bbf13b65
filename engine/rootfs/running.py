"""The root of a container that runs, as a program that enters it would see it."""

import os
import threading

from engine.errors import KernelError
from engine.sys import process

_CLONE_FS = 0x200


def open_root(pidfd: int) -> int:
    """A descriptor (O_PATH) of the root of the mount namespace that the process behind `pidfd` is in.

    Not /proc/PID/root: that is wherever the process has gone by chroot(2). The caller closes it, and keeps every path
    below it by openat2(2). Raises KernelError.
    """
    opener = _Opener(pidfd)
    opener.start()
    opener.join()
    if opener.error is not None:
        raise opener.error
    return opener.fd


class _Opener(threading.Thread):
    """A thread that goes in, opens the root and ends: a mount namespace is a thread's own once its folders are."""

    def __init__(self, pidfd: int) -> None:
        super().__init__(name="open_root", daemon=True)
        self._pidfd = pidfd
        self.fd = -1
        self.error: KernelError | None = None

    def run(self) -> None:
        try:
            process.unshare(_CLONE_FS)
            process.setns(self._pidfd, process.CLONE_NEWNS)
            self.fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except KernelError as error:
            self.error = error
