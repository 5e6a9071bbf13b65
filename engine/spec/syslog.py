"""The options of the log driver `syslog`: where messages go, and in which form (RFC 3164, RFC 5424)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from engine.errors import InvalidSpec

FACILITIES = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console solaris-cron"
    " local0 local1 local2 local3 local4 local5 local6 local7"
).split()
"""In the order of their numbers (RFC 5424, table 1); 12 to 15 are no facility of Docker's."""
_NOT_DOCKERS = {"ntp", "security", "console", "solaris-cron"}
_PORT = 514
_HOST = re.compile(r"[0-9a-zA-Z._:-]+")
_FILES = ("syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key")


class SyslogFormat(StrEnum):
    """The form of a message; `local` is what daemons send to the syslog server of their own machine."""

    LOCAL = ""
    RFC3164 = "rfc3164"
    RFC5424 = "rfc5424"
    RFC5424_MICRO = "rfc5424micro"


@dataclass(frozen=True)
class SyslogAddress:
    """`scheme` is `unix`, `unixgram`, `udp`, `tcp` or `tcp+tls`; of path, and host with port, one is set."""

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0


def check_syslog(options: Mapping[str, str]) -> None:
    """Raise InvalidSpec naming the option that is wrong."""
    where = address(options)
    facility(options)
    message_format(options)
    for name in _FILES:
        if name in options and not Path(options[name]).is_absolute():
            raise InvalidSpec(_at(name), f"{options[name][:80]!r} must be an absolute path of the host")
        if name in options and where.scheme != "tcp+tls":
            raise InvalidSpec(_at(name), "goes only with a syslog-address that begins with tcp+tls://")
    if ("syslog-tls-cert" in options) != ("syslog-tls-key" in options):
        raise InvalidSpec(_at("syslog-tls-cert"), "certificate and key go only together")


def address(options: Mapping[str, str]) -> SyslogAddress:
    """Where messages go; nothing said is the syslog server of this machine. Raises InvalidSpec."""
    text = options.get("syslog-address", "")
    if not text:
        return SyslogAddress("unix", "/dev/log")
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise _no_address(text) from None
    if url.scheme in ("unix", "unixgram") and url.path.startswith("/") and not url.netloc:
        return SyslogAddress(url.scheme, url.path)
    if url.scheme in ("udp", "tcp", "tcp+tls") and _HOST.fullmatch(host) and url.path in ("", "/"):
        return SyslogAddress(url.scheme, host=host, port=port or _PORT)
    raise _no_address(text)


def facility(options: Mapping[str, str]) -> int:
    """The number of the facility, `daemon` where nothing is said. Raises InvalidSpec."""
    text = options.get("syslog-facility", "daemon")
    if text.isascii() and text.isdigit() and int(text) <= 23:
        return int(text)
    if text not in FACILITIES or text in _NOT_DOCKERS:
        known = ", ".join(name for name in FACILITIES if name not in _NOT_DOCKERS)
        raise InvalidSpec(_at("syslog-facility"), f"{text[:40]!r} is not a facility", hint=f"Known: {known}.")
    return FACILITIES.index(text)


def message_format(options: Mapping[str, str]) -> SyslogFormat:
    """The form of messages. Raises InvalidSpec."""
    text = options.get("syslog-format", "")
    try:
        return SyslogFormat(text)
    except ValueError:
        known = ", ".join(item.value for item in SyslogFormat if item.value)
        raise InvalidSpec(_at("syslog-format"), f"{text[:40]!r} is not one of {known}") from None


def _no_address(text: str) -> InvalidSpec:
    return InvalidSpec(
        _at("syslog-address"),
        f"{text[:80]!r} is not the address of a syslog server",
        hint="Write unix:///path, unixgram:///path, udp://host:port, tcp://host:port or tcp+tls://host:port.",
    )


def _at(option: str) -> str:
    return f"log.options.{option}"
