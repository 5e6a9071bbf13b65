"""What tests do with programs run by `Engine.exec`: read from their descriptors, run one to its end."""

import errno
import os
import select

from engine import ExecSpec, ExecState
from tests.services.host import Host

_TIMEOUT_MS = 20_000


def finish(host: Host, container: str, *command: str, **spec: object) -> tuple[ExecState, str, str]:
    """Run a program to its end; its last state, and all that it wrote to standard output and to standard error."""
    with host.engine.exec(container, ExecSpec(command, **spec)) as running:  # type: ignore[arg-type]
        output, errors = read_all(running.stdout), read_all(running.stderr)
        return running.wait(20), output, errors


def read_all(fd: int | None) -> str:
    """Everything up to the end of the output."""
    collected = b""
    while data := _read(fd):
        collected += data
    return collected.decode()


def read_until(fd: int | None, wanted: bytes) -> bytes:
    """Everything up to and with the first `wanted`, and what came together with it. EOFError if it does not come."""
    collected = b""
    while wanted not in collected:
        data = _read(fd)
        if not data:
            raise EOFError(f"{collected!r} is all there was, without {wanted!r}")
        collected += data
    return collected


def _read(fd: int | None) -> bytes:
    assert fd is not None
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    if not poll.poll(_TIMEOUT_MS):
        raise TimeoutError
    try:
        return os.read(fd, 65536)
    except OSError as error:
        if error.errno == errno.EIO:  # the last slave of a terminal was closed
            return b""
        raise
