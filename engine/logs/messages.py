"""The forms in which messages leave: syslog's (RFC 3164, RFC 5424, as Docker writes them) and journald's own."""

from __future__ import annotations

import os
import time

from engine.logs.format import STDERR

_ERROR, _INFORMATION = 3, 6  # severities (RFC 5424, table 2)
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class SyslogForm:
    """Makes syslog messages of `kind` `rfc3164`, `rfc5424`, `rfc5424micro`, or empty for a server of this machine.

    `facility` is its number times eight. With `counts_length` each message tells its length first (RFC 5425).
    """

    def __init__(self, kind: str, facility: int, tag: str, hostname: str, counts_length: bool) -> None:
        self._kind = kind
        self._facility = facility
        self._tag = tag.encode()
        self._hostname = hostname.encode()
        self._pid = os.getpid()
        self._counts_length = counts_length and kind.startswith("rfc5424")

    def __call__(self, text: bytes, stream: int, is_partial: bool) -> bytes:
        """The message for one line, or a part of one."""
        priority = self._facility | (_ERROR if stream == STDERR else _INFORMATION)
        tag, pid, now_ns = self._tag, self._pid, time.time_ns()
        if self._kind.startswith("rfc5424"):
            when = _precise(now_ns, 6 if self._kind.endswith("micro") else 0)
            message = b"<%d>1 %s %s %s %d %s - %s\n" % (priority, when, self._hostname, tag, pid, tag, text)
        else:
            host = self._hostname + b" " if self._kind else b""
            message = b"<%d>%s %s%s[%d]: %s\n" % (priority, _stamp(now_ns), host, tag, pid, text)
        return b"%d %s" % (len(message), message) if self._counts_length else message


class JournalForm:
    """Makes entries of journald's native protocol; `fields` are those all of them have, ready made."""

    def __init__(self, fields: bytes) -> None:
        self._fields = fields

    def __call__(self, text: bytes, stream: int, is_partial: bool) -> bytes:
        """The entry for one line, or a part of one."""
        entry = b"MESSAGE\n" + len(text).to_bytes(8, "little") + text + b"\n"
        entry += b"PRIORITY=%d\n" % (_ERROR if stream == STDERR else _INFORMATION)
        entry += b"SYSLOG_TIMESTAMP=%s\n" % _precise(time.time_ns(), 9)
        return entry + (b"CONTAINER_PARTIAL_MESSAGE=true\n" if is_partial else b"") + self._fields


def _stamp(now_ns: int) -> bytes:
    """The time as RFC 3164 wants it, local, without a year, in English whatever the language here is."""
    now = time.localtime(now_ns // 1_000_000_000)
    return b"%s %2d %02d:%02d:%02d" % (_MONTHS[now.tm_mon - 1], now.tm_mday, now.tm_hour, now.tm_min, now.tm_sec)


def _precise(now_ns: int, digits: int) -> bytes:
    """RFC 3339, in UTC, with so many digits of a second."""
    seconds, fraction = divmod(now_ns, 1_000_000_000)
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}{f'.{fraction:09d}'[: digits + 1] if digits else ''}Z".encode()
