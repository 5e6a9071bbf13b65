"""A program that was started in a running container, as its caller holds it: ends of its input and output, its end."""

import asyncio
import os
import select
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from engine.container import exec_records, streams
from engine.errors import Conflict
from engine.launcher import link, messages
from engine.logs.lines import StreamName
from engine.logs.live import Output
from engine.spec import detach_keys as keys
from engine.spec.exec import ExecState
from engine.spec.runtime import ConsoleSize
from engine.spec.runtime.checks import process
from engine.sys import terminal


@dataclass
class Exec:
    """One program; closing it, or the end of the calling process, hangs up its terminal and breaks its pipes.

    `stdin` is a descriptor to write to, `stdout` and `stderr` are ones to read from, `None` where they were not asked
    for. With a terminal, `terminal` is its master and is all there is. All are non-blocking.
    """

    id: str
    pid: int
    stdin: int | None
    stdout: int | None
    stderr: int | None
    terminal: int | None
    _folder: Path
    _asked: exec_records.Asked
    _connection: socket.socket
    _is_closed: bool = field(default=False, init=False)

    def state(self) -> ExecState:
        """What is known of it now."""
        return exec_records.load_asked(self._folder, self._asked)

    def fileno(self) -> int:
        """A descriptor that is ready to be read when the program has ended."""
        return self._connection.fileno()

    def wait(self, timeout_s: float | None = None) -> ExecState:
        """Its state once it has ended, or after `timeout_s`; as it is now for who has let go of it."""
        if self._is_closed:
            return self.state()
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            remaining = None if deadline is None else max(0, int((deadline - time.monotonic()) * 1000))
            if not poll.poll(remaining):
                return self.state()
            word, _ = messages.unpack(link.receive(self._connection, socket.MSG_PEEK)[0])
            if word != messages.STARTED:
                break
            link.receive(self._connection)  # told again by one who took over from a killed exec shim
        if not word:
            exec_records.await_end(self._folder)
        return self.state()

    def resize(self, size: ConsoleSize) -> None:
        """Tell its terminal how many character cells it has; without a terminal nothing happens."""
        process.console_size("size", size)
        if self.terminal is not None:
            terminal.set_size(self.terminal, rows=size.height, columns=size.width)

    def close_input(self) -> None:
        """End its standard input while its output goes on. A terminal's input ends with a character instead."""
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

    def session(self, *, detach_keys: str = keys.DEFAULT) -> "ExecSession":
        """The same for the running event loop, which takes it over. Raises InvalidSpec."""
        return ExecSession(self, keys.parse(detach_keys) if self.terminal is not None else b"")

    def close(self) -> None:
        """Let go of it. It is not stopped, but a terminal that nobody holds hangs up."""
        if self._is_closed:
            return
        self._is_closed = True
        self._connection.close()
        for fd in (self.stdin, self.stdout, self.stderr, self.terminal):
            if fd is not None:
                os.close(fd)

    def __enter__(self) -> "Exec":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ExecSession:
    """A program that exec started, joined on an event loop; as `engine.container.streams.Session` says."""

    def __init__(self, running: Exec, keys: bytes) -> None:
        self._running = running
        fd = running.stdin if running.terminal is None else running.terminal
        self._input = None if fd is None else streams.Input(os.dup(fd), keys)
        running.close_input()  # ours alone now, so that its closing is the end

    async def output(self) -> AsyncGenerator[Output, None]:
        """What the program writes, until it and all that it started have closed their output."""
        ends: list[tuple[int | None, StreamName]] = [
            (self._running.terminal, "stdout"),
            (self._running.stdout, "stdout"),
            (self._running.stderr, "stderr"),
        ]
        async with aclosing(streams.read({fd: name for fd, name in ends if fd is not None})) as outputs:
            async for output in outputs:
                yield output

    async def write(self, data: bytes) -> bool:
        """Give it to the program; False when the keys to leave were typed. Raises BrokenPipeError, Conflict."""
        if self._input is None:
            raise Conflict(f"Exec {self._running.id} was started without its input.")
        return await self._input.write(data)

    async def close_input(self) -> None:
        """End the program's input, unless it is a terminal; output goes on."""
        if self._input is not None and self._running.terminal is None:
            await self._input.close()

    async def resize(self, size: ConsoleSize) -> None:
        """Tell its terminal how many character cells it has. Raises Conflict when it has none."""
        if self._running.terminal is None:
            raise Conflict(f"Exec {self._running.id} has no terminal.")
        self._running.resize(size)

    async def wait(self) -> ExecState:
        """Its state once it has ended."""
        await streams.ready(self._running.fileno())
        return await asyncio.to_thread(self._running.wait)

    def close(self) -> None:
        """Let go of it: a terminal hangs up, pipes break."""
        if self._input is not None:
            self._input.drop()
        self._running.close()
