"""How the engine asks the launcher for a container."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import LauncherUnavailable
from engine.launcher import failure, link, messages
from engine.launcher.messages import Plan

_START_TIMEOUT_S = 60.0
_PING_TIMEOUT_S = 2.0


class Launcher:
    """A connection to the launcher; good for one start."""

    def __init__(self, path: str, connection: socket.socket) -> None:
        self._path = path
        self._connection = connection

    def prepare(self, plan: Plan) -> None:
        """Have everything made ready that the container of `plan` needs but its control groups; nothing runs yet.

        Raises LauncherUnavailable. A failure is told by `start`; closing the connection instead undoes all of it.
        """
        plan_fd = messages.write_plan(plan)
        try:
            link.send(self._connection, messages.START, [plan_fd])
        except OSError as error:
            raise _unavailable(self._path, str(error)) from error
        finally:
            os.close(plan_fd)

    def start(self, plan: Plan) -> int:
        """Have the container that was prepared run; returns its pid.

        Raises CommandNotFound, CommandNotExecutable, KernelError for the step that failed, LauncherUnavailable.
        """
        self._connection.settimeout(_START_TIMEOUT_S)
        try:
            self._connection.send(messages.GO)
            reply, _ = link.receive(self._connection)
        except OSError as error:
            raise _unavailable(self._path, str(error)) from error
        word, fields = messages.unpack(reply)
        if word == messages.STARTED:
            return int(fields[0])
        if word == messages.FAILED:
            raise failure.explain(fields[0], int(fields[1]), fields[2], plan.search_path)
        raise _unavailable(self._path, "it ended while starting the container")

    def ping(self) -> None:
        """Raise LauncherUnavailable unless it answers."""
        try:
            self._connection.send(messages.PING)
            if self._connection.recv(messages.MAXIMUM_MESSAGE) == messages.PONG:
                return
        except OSError as error:
            raise _unavailable(self._path, str(error)) from error
        raise _unavailable(self._path, "it closed the connection")


@contextmanager
def connect(path: str) -> Iterator[Launcher]:
    """A connection for the time of the block. Raises LauncherUnavailable."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(_PING_TIMEOUT_S)
        try:
            connection.connect(path)
        except OSError as error:
            raise _unavailable(path, error.strerror or str(error)) from error
        yield Launcher(path, connection)


def _unavailable(path: str, why: str) -> LauncherUnavailable:
    return LauncherUnavailable(
        f"The launcher does not answer on {path}: {why}.", hint="See that the launcher runs, then try again."
    )
