"""Hands the calls a filter leaves undecided to the agent that decides.

runtime-spec's config-linux.md, "The Container Process State".
"""

import json
import socket
from pathlib import Path
from typing import Any

from engine.errors import KernelError
from engine.runtime import sockets


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
    try:
        with sockets.connected(Path(path), socket.SOCK_STREAM) as connection:
            socket.send_fds(connection, [json.dumps(value).encode()], [descriptor])
    except OSError as error:
        raise KernelError("connect", error.errno or 0, path, hint="Is the seccomp agent running?") from None
