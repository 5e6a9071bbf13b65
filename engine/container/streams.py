"""A program's input and output on an event loop: bytes go straight to and from its descriptors.

What is written waits until the program has read enough, and nothing is read before somebody wants it.
"""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Protocol

from engine.logs.lines import StreamName
from engine.logs.live import Output
from engine.spec.detach_keys import DetachKeys
from engine.spec.runtime import ConsoleSize

_READ_BYTES = 64 << 10


class Session(Protocol):
    """What somebody who joined a program can do, whether it is a container's own or one that exec started."""

    def output(self) -> AsyncGenerator[Output, None]:
        """What the program writes, to its end. A terminal's is all `stdout`."""

    async def write(self, data: bytes) -> bool:
        """Give it to the program; False when the keys to leave were typed. Raises BrokenPipeError, Conflict."""

    async def close_input(self) -> None:
        """End the program's input, where that is possible; output goes on."""

    async def resize(self, size: ConsoleSize) -> None:
        """Tell its terminal how many character cells it has. Raises Conflict when it has none."""

    def close(self) -> None:
        """Leave the program to itself."""


class Input:
    """The way to a program's input. `keys` are looked for in what is typed, and none for what is no terminal."""

    def __init__(self, fd: int, keys: bytes) -> None:
        """`fd` is taken over; it must be non-blocking."""
        self._fd = fd
        self._keys = DetachKeys(keys)

    def fileno(self) -> int:
        """The descriptor, -1 once it is closed."""
        return self._fd

    async def write(self, data: bytes) -> bool:
        """Write all of it; returns False when the keys to leave were complete: what came behind them is left out.

        Raises BrokenPipeError when the program reads no more.
        """
        passed, is_left = self._keys.feed(data)
        await self._write_all(passed)
        return not is_left

    async def close(self) -> None:
        """End it, after what was held back in case it became the keys."""
        if self._fd == -1:
            return
        try:
            await self._write_all(self._keys.rest())
        except BrokenPipeError:  # nobody reads any more, so nothing is lost
            return
        finally:
            self.drop()

    def drop(self) -> None:
        """Close the descriptor."""
        if self._fd != -1:
            os.close(self._fd)
            self._fd = -1

    async def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                await ready(self._fd, is_write=True)
            except OSError as error:
                if error.errno == errno.EIO:  # a terminal whose program is gone
                    raise BrokenPipeError(error.errno, error.strerror) from error
                raise


async def read(streams: Mapping[int, StreamName]) -> AsyncGenerator[Output, None]:
    """What comes from these non-blocking descriptors, until all have ended."""
    left = dict(streams)
    while left:
        for fd in await ready(*left):
            if data := _read(fd):
                yield Output(left[fd], data)
            elif data is not None:
                del left[fd]


def _read(fd: int) -> bytes | None:
    """What is there, empty at the end, None if it was a false alarm."""
    try:
        return os.read(fd, _READ_BYTES)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EIO:  # a terminal's master says so when the last slave was closed
            return b""
        raise


async def ready(*descriptors: int, is_write: bool = False) -> list[int]:
    """Those that can be read from, or written to, as soon as there are any."""
    loop = asyncio.get_running_loop()
    found: list[int] = []
    woken = loop.create_future()

    def wake(fd: int) -> None:
        found.append(fd)
        if not woken.done():
            woken.set_result(None)

    add, remove = (loop.add_writer, loop.remove_writer) if is_write else (loop.add_reader, loop.remove_reader)
    for fd in descriptors:
        add(fd, partial(wake, fd))
    try:
        await woken
    finally:
        for fd in descriptors:
            remove(fd)
    return list(dict.fromkeys(found))
