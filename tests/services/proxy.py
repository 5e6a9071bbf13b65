"""A proxy on loopback (RFC 9110: CONNECT, whole addresses) that cuts what it is asked to cut."""

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import quote

_PIECE = 64 << 10
_DENIED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Proxy:
    """`hosts` says where an address (`registry.test:5000`) really is; any else is asked for by its own name.

    `secret` (`user:password`) has to be shown. A connection ends once `cut_after` bytes were sent through it, as often
    as `cuts` says. `asked` is what was asked for: `CONNECT registry.test:5000`.
    """

    hosts: dict[str, tuple[str, int]] = field(default_factory=dict)
    secret: str = ""
    cut_after: int = 0
    cuts: int = 0
    asked: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        """What the environment names it by."""
        user, _, password = self.secret.partition(":")
        secret = f"{quote(user)}:{quote(password)}@" if user else ""
        return f"http://{secret}127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Pass on until the block ends."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and (data := client.recv(_PIECE)):
                head += data
            if not head:
                return  # it went away again
            method, target, *_ = head.split(b"\r\n")[0].decode().split(" ")
            self.asked.append(f"{method} {target}")
            if self.secret and f"Basic {b64encode(self.secret.encode()).decode()}".encode() not in head:
                client.sendall(_DENIED)
                return
            host = target if method == "CONNECT" else target.split("/")[2]
            name, _, port = host.rpartition(":")
            with socket.create_connection(self.hosts.get(host, (name, int(port)))) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    server.sendall(head)
                self._join(client, server)

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        """Pass bytes both ways until one side ends, or the connection is to be cut."""
        threading.Thread(target=self._pass_on, args=(server, client), daemon=True).start()
        self._pass_on(client, server, is_sending=True)

    def _pass_on(self, source: socket.socket, target: socket.socket, *, is_sending: bool = False) -> None:
        sent, is_cut = 0, False
        with suppress(OSError):
            while not is_cut and (data := source.recv(_PIECE)):
                is_cut = is_sending and sent + len(data) >= self.cut_after and self._cut()
                target.sendall(data[: self.cut_after - sent] if is_cut else data)
                sent += len(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _cut(self) -> bool:
        with self._lock:
            self.cuts -= 1
            return self.cuts >= 0
