"""Maps of ids without a process they are for: a user namespace that only a descriptor keeps."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import os

from engine.launcher import program
from engine.sys import process, spawn


def user_namespace(uid_map: bytes, gid_map: bytes) -> int:
    """A descriptor of one with these maps, as they are written to the files of these names (user_namespaces(7)).

    The caller closes it. Raises KernelError for maps that the kernel does not take.
    """
    keeper = spawn.sleeper(process.CLONE_NEWUSER)
    try:
        program.write(f"/proc/{keeper}/uid_map", uid_map)
        program.write(f"/proc/{keeper}/gid_map", gid_map)
        return os.open(f"/proc/{keeper}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.kill(keeper, _signal.SIGKILL)
        os.waitpid(keeper, 0)
