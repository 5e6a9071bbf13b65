"""The log drivers `syslog` and `journald`: every message is sent away, and a little of the output kept for reading."""

from __future__ import annotations

from engine.logs.format import UNKNOWN
from engine.logs.line_splitter import LineSplitter
from engine.logs.messages import JournalForm, SyslogForm
from engine.logs.opening import open_log
from engine.logs.receiver import Receiver
from engine.logs.writer import copy_by_reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable
    from typing import Any

    from engine.logs.driver import Writer

    Copy = Callable[[int, int, Callable[[memoryview, int], None]], int]

_LAST_S = 2.0


class Forwarding:
    """Writes to what is `kept` here, and sends to a receiver in the form that `form` gives a message.

    `copy` reads from the program, as fast as what is kept is written.
    """

    def __init__(self, kept: Writer, copy: Copy, form: Callable[[bytes, int, bool], bytes]) -> None:
        self._kept = kept
        self._copy = copy
        self._form = form
        self._splitter = LineSplitter()
        self.receiver: Receiver

    def copy_from(self, fd: int, stream: int) -> int:
        """Take what is ready on `fd`; see `LogWriter.copy_from`."""
        return self._copy(fd, stream, self.write)

    def write(self, data: bytes | memoryview, stream: int) -> None:
        """Keep `data`, and send the lines that it completes."""
        self._kept.write(data, stream)
        for text, is_partial in self._splitter.feed(data, stream):
            self.receiver.send(self._form(text, stream, is_partial))

    def tend(self) -> int | None:
        """Send what had to wait, and tend what is kept; in how many milliseconds to call again, None for no need."""
        due = (self._kept.tend(), self.receiver.tend())
        return min((wait for wait in due if wait is not None), default=None)

    def mark_end(self, run: int) -> None:
        """Send the last lines, waiting a moment for a slow receiver, and mark the end in what is kept."""
        for stream, text in self._splitter.flush():
            self.receiver.send(self._form(text, stream, True))
        self.receiver.close(_LAST_S)
        self._kept.mark_end(run)

    def settle(self) -> None:
        """As what is kept."""
        self._kept.settle()

    def close(self) -> None:
        """Let go of the receiver, of what is kept, and of its lock."""
        self.receiver.close(0)
        self._kept.close()

    def tell(self, text: str) -> None:
        """Tell whoever reads the log here."""
        self._kept.write(f"[{text}]\n".encode(), UNKNOWN)


def open_forwarding(driver: str, arguments: list[Any], folder: str, lock: int | None) -> Forwarding:
    """The writer for settings as `engine/container/log_plan.py` makes them. Raises OSError."""
    kept, limit_bytes, is_blocking, *rest = arguments
    writer, copy = _open_kept(kept, folder, lock, None if is_blocking else limit_bytes)
    if driver == "journald":
        path, fields = rest
        log = Forwarding(writer, copy, JournalForm(fields))
        places, secure, name = [[1, 2, path]], None, "journald"
    else:
        name, places, head, tls = rest
        log = Forwarding(writer, copy, SyslogForm(*head))
        secure, name = _securing(tls), f"syslog server {name}"
    log.receiver = Receiver(name, places, limit_bytes, is_blocking, log.tell, secure)
    return log


def _open_kept(settings: list[Any], folder: str, lock: int | None, ring_bytes: int | None) -> tuple[Writer, Copy]:
    """What writes to what is kept, through a ring or not, and what reads from the program at the pace of that."""
    if ring_bytes is None:
        return open_log(settings, folder, lock), copy_by_reading
    from engine.logs.ring import Ring  # noqa: PLC0415

    ring = Ring(lambda: open_log(settings, folder, lock), ring_bytes)
    return ring, ring.copy_to


def _securing(tls: list[Any]) -> Callable[[_socket.socket], Any] | None:
    """What puts TLS around a connected socket, with the files as they are then; None for a receiver without."""
    if not tls:
        return None
    authority, certificate, key, is_trusting, host = tls

    def secure(plain: _socket.socket) -> Any:
        import ssl  # noqa: PLC0415 - large, and wanted by few

        context = ssl.create_default_context(cafile=authority or None)
        if is_trusting:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate, key)
        return context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)  # type: ignore[arg-type]

    return secure
