"""Gives a container's control group to its root, by a helper that keeps the rights birth is about to lose.

The group is made while birth mounts the root, so it is not there yet when birth is still root of the host.
"""

from __future__ import annotations

import os

from engine.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_HANDED_ON = ("", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control")
"""What cgroup-v2.rst ("Model of Delegation") gives to who may divide a group; the limits stay the host's."""


class Delegation:
    """A helper, process `pid`, that waits for a byte from the pipe `start` or its end."""

    def __init__(self, folder: str, pid: int, start: int) -> None:
        self._folder, self._pid, self._start = folder, pid, start

    def give(self) -> None:
        """Have it done now that the group is there. Raises KernelError."""
        os.write(self._start, b"g")
        os.close(self._start)
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        if status:
            raise KernelError("chown", max(status, 0), self._folder)


def begin(folder: str, owner: int) -> Delegation:
    """A helper that gives the group `folder` to the user and group `owner` of the host when it is told to."""
    waiting, start = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(start)
        _help(folder, owner, waiting)
    os.close(waiting)
    return Delegation(folder, pid, start)


def _help(folder: str, owner: int, waiting: int) -> NoReturn:
    """Exit with 0, or the number of the error. Nobody is left to tell where birth ended without a word."""
    status = 1
    try:
        if os.read(waiting, 1):
            for name in _HANDED_ON:
                os.chown(f"{folder}/{name}", owner, owner)
        status = 0
    except OSError as error:
        status = error.errno or 1
    finally:
        os._exit(status)
