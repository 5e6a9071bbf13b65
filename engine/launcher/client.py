"""How the engine asks the launcher for a container."""

import os
import socket

from engine.errors import LauncherUnavailable
from engine.launcher import failure, link, messages
from engine.launcher.messages import Plan

_START_TIMEOUT_S = 60.0
_PING_TIMEOUT_S = 2.0


def start(path: str, plan: Plan, root_fd: int) -> int:
    """Have the container of `plan` started with the detached mount `root_fd` as its root; returns its pid on the host.

    Raises CommandNotFound, CommandNotExecutable, KernelError for the step that failed, LauncherUnavailable.
    """
    plan_fd = messages.write_plan(plan)
    try:
        with _connect(path, _START_TIMEOUT_S) as launcher:
            link.send(launcher, messages.START, [plan_fd, root_fd])
            reply, _ = link.receive(launcher)
    except TimeoutError as error:
        raise _unavailable(path, f"no answer within {_START_TIMEOUT_S:.0f} s") from error
    finally:
        os.close(plan_fd)
    word, fields = messages.unpack(reply)
    if word == messages.STARTED:
        return int(fields[0])
    if word == messages.FAILED:
        raise failure.explain(fields[0], int(fields[1]), fields[2], plan.search_path)
    raise _unavailable(path, "it ended while starting the container")


def ping(path: str) -> None:
    """Raise LauncherUnavailable unless the launcher answers."""
    try:
        with _connect(path, _PING_TIMEOUT_S) as launcher:
            launcher.send(messages.PING)
            if launcher.recv(messages.MAXIMUM_MESSAGE) != messages.PONG:
                raise _unavailable(path, "it closed the connection")
    except (TimeoutError, ConnectionError) as error:
        raise _unavailable(path, str(error)) from error


def _connect(path: str, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(timeout_s)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise _unavailable(path, error.strerror or str(error)) from error
    return connection


def _unavailable(path: str, why: str) -> LauncherUnavailable:
    return LauncherUnavailable(
        f"The launcher does not answer on {path}: {why}.", hint="See that the launcher runs, then try again."
    )
