"""Hands the calls a filter leaves undecided to the agent that decides.

runtime-spec's config-linux.md, "The Container Process State".
"""

import array
import json
import socket
from contextlib import closing
from typing import Any

from engine.errors import KernelError


def give(path: str, descriptor: int, state: dict[str, Any], metadata: str) -> None:
    """Send the filter's descriptor with the container's state to the agent at `path`, over a connection of its own.

    Raises KernelError when nobody listens there.
    """
    value = {
        "ociVersion": state["ociVersion"],
        "fds": ["seccompFd"],
        "pid": state["pid"],
        "metadata": metadata,
        "state": state,
    }
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        try:
            connection.connect(path)
            rights = array.array("i", [descriptor])
            connection.sendmsg([json.dumps(value).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        except OSError as error:
            raise KernelError("connect", error.errno or 0, path, hint="Is the seccomp agent running?") from None
