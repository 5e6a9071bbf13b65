"""Runs one health check in a container, in a process of its own that the shim forks for it and that ends with it.

It is never killed, not even when the shim is: the program is its child, and a container cannot end before whatever ran
in it has been waited for by its parent.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps each number in an enum
import _socket
import marshal
import os
import select
import time

from engine.errors import KernelError
from engine.launcher import ending, entering, failure, records
from engine.launcher.messages import Entry
from engine.launcher.named import NamedTuple
from engine.sys import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

OUTPUT_BYTES = 4096
_FAILED = -1  # Docker's code for a check that did not come to an end of its own


class Result(NamedTuple):
    """How a check ended: `exit_code` 0 is well, -1 a check that took too long; times as in every record."""

    start: str
    end: str
    exit_code: int
    output: bytes


def unpack(message: bytes) -> Result:
    """What `run` sent."""
    return Result(*marshal.loads(message))  # noqa: S302 - from a child of this process


def run(entry: Entry, container: int, timeout_s: float, answer: _socket.socket) -> NoReturn:
    """Run the entry in the container of the pidfd `container`, send the packed `Result`, and end."""
    try:
        start = records.now()
        try:
            code, output = _check(entry, container, timeout_s)
        except KernelError as error:
            cause = failure.explain(error.syscall, error.errno, error.path, entry.search_path)
            code, output = failure.exit_code_of(cause), cause.message.encode("utf-8", "surrogateescape")
        answer.send(marshal.dumps((start, records.now(), code, output)))
        process.reap_all()  # what failed on its way is a child of this one
    finally:
        os._exit(0)


def _check(entry: Entry, container: int, timeout_s: float) -> tuple[int, bytes]:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    begun = entering.Begun(entry, container, [writer, writer])
    pid, pidfd = begun.await_birth()
    begun.go()
    begun.await_exec()
    os.close(writer)
    output, is_over = _read(reader, pidfd, time.monotonic() + timeout_s)
    if not is_over:
        _signal.pidfd_send_signal(pidfd, _signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if not is_over:
        return _FAILED, (b"The check took longer than %g s.\n" % timeout_s + output)[:OUTPUT_BYTES]
    return ending.code_of(status), output


def _read(reader: int, pidfd: int, deadline: float) -> tuple[bytes, bool]:
    """The first bytes of the output until the program ends, and whether it did so before `deadline`."""
    output = b""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    poll.register(pidfd, select.POLLIN)
    while (left_s := deadline - time.monotonic()) > 0:
        ready = {fd for fd, _ in poll.poll(left_s * 1000 + 1)}
        if reader in ready:
            data = os.read(reader, OUTPUT_BYTES)
            output += data[: OUTPUT_BYTES - len(output)]
            if not data:
                poll.unregister(reader)
        elif pidfd in ready:  # all that it wrote has been read
            return output, True
    return output, False
