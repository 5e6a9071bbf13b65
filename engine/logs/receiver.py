"""Sends messages to a socket that may be slow, or away for a while, without ever holding up the shim for long.

What cannot be sent yet waits in memory up to a limit; what does not fit is dropped and counted. A receiver that is away
is looked for again after one second, then two, four … up to 30.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
import time
from _collections import deque  # type: ignore[import-not-found] # `collections` is large

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_STREAM = 1  # SOCK_STREAM
_SO_ERROR, _SOL_SOCKET = 4, 1
_CONNECT_S = 10.0
_PATIENCE_S = 1.0
_LONGEST_DELAY_S = 30.0
_TEND_MS = 50
_IN_PROGRESS = (errno.EINPROGRESS, errno.EAGAIN)


class Receiver:
    """The way to one receiver, `name` to people; `places` are `[family, type, address]`, tried one after the other.

    `limit_bytes` of messages wait at most. With `is_blocking` one that takes messages slowly is waited for, up to a
    second each. `tell` is called with what people should know. `secure` wraps a connected socket, or is None.
    """

    def __init__(
        self,
        name: str,
        places: list[list[Any]],
        limit_bytes: int,
        is_blocking: bool,
        tell: Callable[[str], None],
        secure: Callable[[_socket.socket], Any] | None = None,
    ) -> None:
        self._name = name
        self._places = places
        self._limit_bytes = limit_bytes
        self._is_blocking = is_blocking
        self._tell = tell
        self._secure = secure
        self._queue: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_torn = False  # part of the first message is gone already
        self._dropped = 0
        self._socket: Any = None
        self._is_stream = False
        self._is_ready = False
        self._place = 0
        self._deadline = self._retry_at = 0.0
        self._delay_s = 1.0
        self._is_away = False

    def send(self, message: bytes) -> None:
        """Have the message sent, now or when it is possible."""
        if self._waiting_bytes + len(message) > self._limit_bytes and self._queue:
            self._make_room()
        if self._waiting_bytes + len(message) > self._limit_bytes and self._queue:
            self._dropped += 1
            return
        self._queue.append(message)
        self._waiting_bytes += len(message)
        self.flush()

    def flush(self) -> None:
        """Send what can be sent without waiting."""
        if not self._queue or not (self._is_ready or self._connect()):
            return
        try:
            while self._queue:
                sent = self._socket.send(self._queue[0])
                self._is_torn = self._is_stream and sent < len(self._queue[0])
                self._waiting_bytes -= sent if self._is_torn else len(self._queue[0])
                if self._is_torn:
                    self._queue[0] = self._queue[0][sent:]
                else:
                    self._queue.popleft()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                self._drop_first()
            elif not _wants_time(error):
                self._lose(error)
            return
        self._is_away, self._delay_s = False, 1.0
        self._tell_dropped()

    def tend(self) -> int | None:
        """Do what is due; in how many milliseconds there will be something to do again, None for never."""
        self.flush()
        if not self._queue:
            return None
        if self._socket is not None:
            return _TEND_MS
        return max(_TEND_MS, int((self._retry_at - time.monotonic()) * 1000))

    def close(self, timeout_s: float) -> None:
        """Send what is left as far as that goes in the time, and tell of what was not."""
        end = time.monotonic() + timeout_s
        while self._queue and self._socket is not None and time.monotonic() < end:
            self._await_room(min(_TEND_MS / 1000, timeout_s))
            self.flush()
        self._dropped += len(self._queue)
        self._queue.clear()
        self._tell_dropped()
        self._disconnect()

    def _make_room(self) -> None:
        self.flush()
        if self._is_blocking and self._is_ready and self._queue:
            self._await_room(_PATIENCE_S)
            waiting = self._waiting_bytes
            self.flush()
            if self._is_ready and self._waiting_bytes == waiting:
                self._lose(OSError(errno.ETIMEDOUT, "it takes nothing"))

    def _await_room(self, timeout_s: float) -> None:
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLOUT)
        poll.poll(int(timeout_s * 1000))

    def _connect(self) -> bool:
        """Whether messages can be sent; each call does what can be done without waiting."""
        try:
            if self._socket is None:
                if time.monotonic() < self._retry_at:
                    return False
                self._begin()
            if not self._is_connected():
                if time.monotonic() > self._deadline:
                    raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
                return False
            if hasattr(self._socket, "do_handshake"):
                self._socket.do_handshake()
        except OSError as error:
            if not _wants_time(error):
                self._lose(error)
            return False
        self._is_ready = True
        return True

    def _begin(self) -> None:
        family, kind, address = self._places[self._place]
        self._socket = _socket.socket(family, kind | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
        self._is_stream = kind == _STREAM
        self._deadline = time.monotonic() + _CONNECT_S
        failed = self._socket.connect_ex(tuple(address) if isinstance(address, list) else address)
        if failed and failed not in _IN_PROGRESS:
            raise OSError(failed, os.strerror(failed))

    def _is_connected(self) -> bool:
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLOUT)
        if not poll.poll(0):
            return False
        if failed := self._socket.getsockopt(_SOL_SOCKET, _SO_ERROR):
            raise OSError(failed, os.strerror(failed))
        if self._secure is not None and not hasattr(self._socket, "do_handshake"):
            self._socket = self._secure(self._socket)
        return True

    def _lose(self, error: OSError) -> None:
        """The receiver is away; look at the next place at once, and at all of them again later."""
        self._disconnect()
        if self._is_torn:
            self._drop_first()
        self._place = (self._place + 1) % len(self._places)
        if self._place:
            return
        self._retry_at = time.monotonic() + self._delay_s
        self._delay_s = min(self._delay_s * 2, _LONGEST_DELAY_S)
        if not self._is_away:
            self._is_away = True
            reason = error.strerror or str(error)
            self._tell(
                f"{self._name} takes no messages: {reason}; {self._limit_bytes} bytes of them wait until it does"
            )

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._is_ready = None, False

    def _drop_first(self) -> None:
        self._waiting_bytes -= len(self._queue.popleft())
        self._is_torn = False
        self._dropped += 1

    def _tell_dropped(self) -> None:
        if self._dropped:
            self._tell(f"{self._dropped} messages were not delivered to {self._name}")
            self._dropped = 0


def _wants_time(error: OSError) -> bool:
    """Whether TLS only waits for the other side; its errors are named, as the module `ssl` is loaded by few."""
    return type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")
