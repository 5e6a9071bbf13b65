"""attach: what a container's own program writes as it comes, and the way to its input or terminal."""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.container import state, streams
from engine.container.runtime import Runtime
from engine.errors import Conflict, LauncherUnavailable, NotFound
from engine.launcher import client
from engine.logs.changes import Changes
from engine.logs.live import LiveLog, Output
from engine.logs.watched import WINDOW
from engine.spec import detach_keys
from engine.spec.container import ContainerSpec, Status
from engine.spec.logs import LogDriver
from engine.spec.runtime import ConsoleSize
from engine.spec.runtime.checks import process
from engine.sys import terminal
from engine.sys.inotify import IN_DELETE_SELF, IN_MOVE_SELF, IN_MOVED_TO

_EVENTS = IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF
_LAUNCHER_S = 5.0
_RETRY_S = 0.1


def attach(runtime: Runtime, container_id: str, *, stdin: bool, replay: bool, keys: str) -> "Attachment":
    """Join the container's program, or wait for it where it does not run yet; from here on nothing is missed.

    `replay` begins with what its log still has. Raises NotFound, InvalidSpec, and Conflict when it is paused or its
    input was not opened.
    """
    folder = runtime.folder(container_id)
    current = state.load(folder)
    spec = ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))
    if current.status is Status.PAUSED:
        raise Conflict(f"Container {current.name} is paused.", hint="Unpause it first.")
    if stdin and not spec.open_stdin:
        raise Conflict(
            f"The standard input of container {current.name} is not open.", hint="Create it with open_stdin."
        )
    parsed = detach_keys.parse(keys)
    log = _open_log(folder / "log", spec.log.driver, replay=replay)
    return Attachment(runtime, folder, spec, log, keys=parsed if spec.tty else b"", takes_input=stdin)


def _open_log(folder: Path, driver: LogDriver, *, replay: bool) -> LiveLog:
    """Docker's files hold back what is no whole line yet: only who wants to see what was before reads them."""
    if driver is LogDriver.JSON_FILE and not replay:
        driver, folder = LogDriver.LOCAL, folder / WINDOW
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return LiveLog(folder, driver, from_start=replay)


class Attachment:
    """One who looks on, and may type. Being slow holds up nobody else, the container least of all.

    For the event loop it was made on. To be closed; an input that was opened for one (`stdin_once`) ends with it.
    """

    def __init__(
        self, runtime: Runtime, folder: Path, spec: ContainerSpec, log: LiveLog, *, keys: bytes, takes_input: bool
    ) -> None:
        self._runtime = runtime
        self._folder = folder
        self._spec = spec
        self._log = log
        self._keys = keys
        self._takes_input = takes_input
        self._input: streams.Input | None = None
        self._is_closed = False

    async def output(self) -> AsyncGenerator[Output, None]:
        """What the program writes, until its run is over. A terminal's is all `stdout`."""
        async with aclosing(self._log.follow()) as follow:
            async for output in follow:
                yield output

    async def write(self, data: bytes) -> bool:
        """Give it to the program, waiting for it to run and to read; False when the keys to leave were typed.

        Raises BrokenPipeError when it reads no more, Conflict when its input is closed, or was not asked for.
        """
        if not self._takes_input:
            raise Conflict(f"Container {self._spec.name} was attached to without its input.")
        return await (await self._open_input()).write(data)

    async def close_input(self) -> None:
        """End the program's input if that is for one (`stdin_once`), else only leave it; output goes on."""
        if self._takes_input and not self._spec.tty:
            await (await self._open_input()).close()

    async def resize(self, size: ConsoleSize) -> None:
        """Tell the terminal, once there is one, how many character cells it has. Raises Conflict without one."""
        process.console_size("size", size)
        if not self._spec.tty:
            raise Conflict(f"Container {self._spec.name} has no terminal.")
        terminal.set_size((await self._open_input()).fileno(), rows=size.height, columns=size.width)

    def close(self) -> None:
        """Leave the program to itself; its input ends if that is for one, whether anything was typed or not."""
        self._log.close()
        if self._input is not None:
            self._input.drop()
        elif self._spec.stdin_once and self._takes_input and not self._is_closed:
            _end_input(self._runtime, self._folder)
        self._is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _open_input(self) -> streams.Input:
        if self._input is None:
            takes = self._spec.stdin_once and self._takes_input
            pid = await self._await_program()
            fd = await asyncio.to_thread(open_stream, self._runtime, pid, takes=takes)
            if fd is None:
                raise Conflict(f"The standard input of container {self._spec.name} is closed.")
            self._input = streams.Input(fd, self._keys)
        return self._input

    async def _await_program(self) -> int:
        woken = asyncio.Event()
        with Changes.of_running_loop().watch(str(self._folder), _EVENTS, lambda _: woken.set()):
            while (current := state.load(self._folder)).status is not Status.RUNNING:
                await woken.wait()
                woken.clear()
        return current.pid


def resize(runtime: Runtime, container_id: str, size: ConsoleSize) -> None:
    """Tell the container's terminal its size. Raises Conflict when it does not run or has no terminal."""
    process.console_size("size", size)
    folder = runtime.folder(container_id)
    current = state.load(folder)
    if current.status is not Status.RUNNING:
        raise Conflict(f"Container {current.name} is not running.", hint="Start it first.")
    spec = ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))
    fd = open_stream(runtime, current.pid, takes=False) if spec.tty else None
    if fd is None:
        raise Conflict(f"Container {current.name} has no terminal.")
    try:
        terminal.set_size(fd, rows=size.height, columns=size.width)
    finally:
        os.close(fd)


def _end_input(runtime: Runtime, folder: Path) -> None:
    """Take the input's end away from a program that runs. Who leaves waits for nobody, and has nobody to tell."""
    with suppress(NotFound, LauncherUnavailable):
        current = state.load(folder)
        if current.status in (Status.RUNNING, Status.PAUSED):
            with client.connect(str(runtime.launcher)) as launcher:
                _, fd = launcher.attach(current.pid, takes=True)
            if fd is not None:
                os.close(fd)


def open_stream(runtime: Runtime, pid: int, *, takes: bool) -> int | None:
    """The terminal's master or the input's end of the container whose first process is `pid`, non-blocking.

    A launcher that was just restarted hears of its containers within a second. Raises LauncherUnavailable.
    """
    deadline = time.monotonic() + _LAUNCHER_S
    while True:
        with client.connect(str(runtime.launcher)) as launcher:
            is_known, fd = launcher.attach(pid, takes=takes)
        if is_known or time.monotonic() > deadline:
            break
        time.sleep(_RETRY_S)
    if fd is not None:
        os.set_blocking(fd, False)
    return fd
