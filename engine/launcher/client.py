"""How the engine asks the launcher for a container."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from engine.errors import EngineError, LauncherUnavailable
from engine.launcher import failure, hook_forms, link, messages
from engine.launcher.messages import Entry, Plan

_START_TIMEOUT_S = 60.0
_PING_TIMEOUT_S = 2.0


class Running(NamedTuple):
    """A program started by `exec`: its pid, its terminal's master, and the socket on which its end will be told."""

    pid: int
    terminal: int | None
    connection: socket.socket


class Launcher:
    """A connection to the launcher; good for one start."""

    def __init__(self, path: str, connection: socket.socket) -> None:
        self._path = path
        self._connection = connection

    def prepare(self, plan: Plan, shim_lock: int) -> None:
        """Have everything made ready that the container of `plan` needs but its control groups; nothing runs yet.

        `shim_lock` is handed on (`records.take_shim_lock`). Raises LauncherUnavailable. A failure is told by `start`;
        closing the connection instead undoes all of it.
        """
        plan_fd = messages.write_plan(plan)
        try:
            self._send(messages.START, [plan_fd, shim_lock])
        finally:
            os.close(plan_fd)

    def start(self, plan: Plan) -> int:
        """Have the container that was prepared run; returns its pid. Its hooks may take all the time they have.

        Raises CommandNotFound, CommandNotExecutable, KernelError for the step that failed, LauncherUnavailable.
        """
        self._send(messages.GO, [])
        word, fields, _ = self._receive(_longest_s(plan.hooks) if plan.hooks else 0)
        if word == messages.STARTED:
            return int(fields[0])
        raise self._failure(word, fields, plan.search_path)

    def begin_exec(self, entry: Entry, descriptors: list[int]) -> None:
        """Have one more program run in a container; `descriptors` are its first process' pidfd and the program's ends.

        Raises LauncherUnavailable. A failure is told by `await_exec`.
        """
        entry_fd = messages.write_entry(entry)
        try:
            self._send(messages.EXEC, [entry_fd, *descriptors])
        finally:
            os.close(entry_fd)

    def await_exec(self, entry: Entry) -> Running:
        """Return when the program that was begun runs. Raises what `start` raises."""
        word, fields, received = self._receive()
        if word == messages.STARTED:
            return Running(int(fields[0]), received[0] if received else None, self._connection.dup())
        raise self._failure(word, fields, entry.search_path)

    def attach(self, pid: int, *, takes: bool) -> tuple[bool, int | None]:
        """Whether the launcher knows the container with this first process, and the way to its input or terminal.

        With `takes` the caller gets the only end there is of an input that is not a terminal. Raises
        LauncherUnavailable.
        """
        self._send(messages.pack(messages.ATTACH, pid, "take" if takes else "keep"), [])
        word, _, received = self._receive()
        return word == messages.ATTACHED, received[0] if received else None

    def ping(self) -> None:
        """Raise LauncherUnavailable unless it answers."""
        try:
            self._connection.send(messages.PING)
            if self._connection.recv(messages.MAXIMUM_MESSAGE) == messages.PONG:
                return
        except OSError as error:
            raise _unavailable(self._path, str(error)) from error
        raise _unavailable(self._path, "it closed the connection")

    def _send(self, message: bytes, descriptors: list[int]) -> None:
        try:
            link.send(self._connection, message, descriptors)
        except OSError as error:
            raise _unavailable(self._path, str(error)) from error

    def _receive(self, more_s: int = 0) -> tuple[bytes, list[str], list[int]]:
        self._connection.settimeout(_START_TIMEOUT_S + more_s)
        try:
            message, descriptors = link.receive(self._connection)
        except OSError as error:
            raise _unavailable(self._path, str(error)) from error
        return *messages.unpack(message), descriptors

    def _failure(self, word: bytes, fields: list[str], search_path: str) -> EngineError:
        if word == messages.FAILED:
            return failure.explain(fields[0], int(fields[1]), fields[2], search_path)
        if word == messages.OTHER_VERSION:
            return LauncherUnavailable(
                f"The launcher on {self._path} is of another version than this program.",
                hint="Restart the older of the two; no container ends by that.",
            )
        return _unavailable(self._path, "it, or what was at work for it, was killed before the program ran")


def _longest_s(packed: bytes) -> int:
    _, *phases = hook_forms.unpack(packed)
    return sum(hook.timeout for phase in phases for hook in phase)


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
