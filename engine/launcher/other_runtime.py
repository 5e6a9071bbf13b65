"""Calls another OCI runtime of this host (runc, crun, …) on behalf of a container that is to be run by it."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import os

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def call(command: list[str], *arguments: str, streams: dict[int, int] | None = None) -> int:
    """Run one of its commands to its end; the exit code, -n for a death by signal n. Raises OSError.

    `command` is the program with the options that every call needs. `streams` are the descriptors that become its
    standard input, output and error; /dev/null is what is not among them.
    """
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    given = {0: null, 1: null, 2: null} | (streams or {})
    actions = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in given.items()]
    words = [*command, *arguments]
    try:
        child = os.posix_spawn(
            words[0], words, _ENVIRONMENT, file_actions=actions, setsigdef=[_signal.SIGPIPE, _signal.SIGXFSZ]
        )
    finally:
        os.close(null)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def forget(command: list[str], container_id: str) -> None:
    """Have it forget the container, whatever it knows of it; nothing happens where it knows nothing."""
    call(command, "delete", "--force", container_id)
