"""A host's network that is the test's own: a namespace with an uplink, and a machine at the other end of that."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from engine.sys import process

HOST, OUTSIDE = "10.77.0.1", "10.77.0.2"
HOST_V6, OUTSIDE_V6 = "fd77::1", "fd77::2"
T = TypeVar("T")


@dataclass(frozen=True)
class Outside:
    """The machine at the other end, by a descriptor of its network namespace."""

    namespace: int

    def run(self, act: Callable[[], T]) -> T:
        """What `act` returns there, or its error; in a thread, since a thread is what is in a namespace."""
        found: list[T] = []
        failed: list[BaseException] = []

        def there() -> None:
            try:
                process.setns(self.namespace, process.CLONE_NEWNET)
                found.append(act())
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=there)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return found[0]


@contextmanager
def own_network() -> Iterator[Outside]:
    """The calling thread, and what it starts, is in another network until the block ends."""
    before, outside = _here(), -1
    try:
        process.unshare(process.CLONE_NEWNET)
        outside = _here()
        _ip("link", "set", "lo", "up")
        process.unshare(process.CLONE_NEWNET)
        _ip("link", "set", "lo", "up")
        host = _here()
        _ip("link", "add", "uplink", "type", "veth", "peer", "name", "uplink", "netns", f"/proc/self/fd/{outside}")
        _addresses(HOST, HOST_V6)
        process.setns(outside, process.CLONE_NEWNET)
        _addresses(OUTSIDE, OUTSIDE_V6)
        process.setns(host, process.CLONE_NEWNET)
        os.close(host)
        yield Outside(outside)
    finally:
        process.setns(before, process.CLONE_NEWNET)
        os.close(before)
        os.close(outside)


def ask(address: str, port: int, *, timeout_s: float = 3.0) -> bytes:
    """What a TCP server says of itself. Raises OSError."""
    with socket.create_connection((address, port), timeout_s) as connection:
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while data := connection.recv(4096):
            found += data
        return found


def answers(address: str, port: int) -> bool:
    """Whether a TCP server there says anything."""
    try:
        return bool(ask(address, port, timeout_s=1))
    except OSError:
        return False


def _addresses(*addresses: str) -> None:
    for address in addresses:
        prefix = "/64" if ":" in address else "/24"
        _ip("addr", "add", address + prefix, "dev", "uplink", *(["nodad"] if ":" in address else []))
    _ip("link", "set", "uplink", "up")


def _here() -> int:
    return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _ip(*words: str) -> None:
    subprocess.run(
        ["ip", *words], check=True, pass_fds=[int(words[-1].rpartition("/")[2])] if "fd/" in words[-1] else ()
    )
