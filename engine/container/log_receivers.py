"""Describes where a shim sends output to: the addresses of a syslog server, the fields journald shall keep."""

import os
import re
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import InvalidSpec, NotFound, Unsupported
from engine.spec import syslog
from engine.spec.container import ContainerSpec
from engine.spec.logs import LogDriver, selected
from engine.spec.syslog import SyslogAddress

JOURNAL = Path("/run/systemd/journal/socket")
_TYPES = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM, "tcp+tls": socket.SOCK_STREAM}
_NO_FIELD = re.compile(r"[^A-Z0-9]")


def check(spec: ContainerSpec) -> None:
    """Raise Unsupported for a driver whose receiver this host has not."""
    if spec.log.driver is LogDriver.JOURNALD and not JOURNAL.is_socket():
        raise Unsupported(f"This host has no journald: there is no {JOURNAL}.", hint="Choose another log driver.")


def describe(spec: ContainerSpec, values: Mapping[str, str], tag: str) -> list[Any]:
    """The arguments of the driver behind those that all receivers have. Raises NotFound, Unsupported."""
    check(spec)
    if spec.log.driver is LogDriver.JOURNALD:
        return [str(JOURNAL), _journal_fields(spec, values, tag)]
    options = spec.log.options
    where = syslog.address(options)
    kind = syslog.message_format(options).value
    head = [kind, syslog.facility(options) << 3, tag, socket.gethostname(), where.scheme == "tcp+tls"]
    return [_name(where), _places(where), head, _tls(where, options)]


def extras(spec: ContainerSpec) -> dict[str, str]:
    """The labels and variables that are to go along with every message."""
    env = dict(entry.split("=", 1) for entry in spec.env if "=" in entry)
    return selected(spec.log, "labels", spec.labels) | selected(spec.log, "env", env)


def _name(where: SyslogAddress) -> str:
    return where.path or f"{where.host}:{where.port}"


def _places(where: SyslogAddress) -> list[list[Any]]:
    """What to connect to, each `[family, type, address]`, the next when the one before it refuses."""
    if where.scheme == "unixgram":
        return [[int(socket.AF_UNIX), int(socket.SOCK_DGRAM), where.path]]
    if where.scheme == "unix":
        return [[int(socket.AF_UNIX), int(kind), where.path] for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    try:
        found = socket.getaddrinfo(where.host, where.port, type=_TYPES[where.scheme])
    except OSError as error:
        raise NotFound(
            f"The syslog server {where.host} was not found: {error.strerror}.", hint="Check log.options.syslog-address."
        ) from error
    return [[int(family), int(kind), address[:2]] for family, kind, _, _, address in found]


def _tls(where: SyslogAddress, options: Mapping[str, str]) -> list[Any]:
    """Certificate authority, certificate, key, whether the server is believed unseen, and its name; empty for none."""
    if where.scheme != "tcp+tls":
        return []
    files = [options.get(f"syslog-tls-{name}", "") for name in ("ca-cert", "cert", "key")]
    _check_files(*files)
    return [*files, bool(options.get("syslog-tls-skip-verify")), where.host]


def _check_files(authority: str, certificate: str, key: str) -> None:
    """Raise InvalidSpec for a file that is none or does not hold what it should, before a shim comes upon it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if authority:
            context.load_verify_locations(authority)
    except OSError as error:
        raise InvalidSpec("log.options.syslog-tls-ca-cert", f"{authority}: {error.strerror or error}") from None
    try:
        if certificate:
            context.load_cert_chain(certificate, key)
    except OSError as error:
        raise InvalidSpec("log.options.syslog-tls-cert", f"{certificate}: {error.strerror or error}") from None


def _journal_fields(spec: ContainerSpec, values: Mapping[str, str], tag: str) -> bytes:
    """The fields all messages have, in journald's native form, with Docker's names."""
    fields = {
        "CONTAINER_ID": values["ID"],
        "CONTAINER_ID_FULL": values["FullID"],
        "CONTAINER_NAME": values["Name"],
        "CONTAINER_TAG": tag,
        "IMAGE_NAME": values["ImageName"],
        "SYSLOG_IDENTIFIER": tag,
    }
    fields |= {_field_name(name): value for name, value in extras(spec).items() if _field_name(name)}
    return b"".join(_field(name, value) for name, value in fields.items())


def _field_name(name: str) -> str:
    """Journald's fields are of capitals, digits and underlines, and begin with no underline."""
    return _NO_FIELD.sub("_", name.upper()).lstrip("_")


def _field(name: str, value: str) -> bytes:
    data = os.fsencode(value)
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
