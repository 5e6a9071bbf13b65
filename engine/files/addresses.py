"""Addresses of paths: plain text, but for bytes that are no UTF-8 (`engine.spec.browsing`)."""

import base64
import binascii

from engine.errors import InvalidSpec

_LONGEST_PATH = 4095  # PATH_MAX without its NUL


def address_of(path: bytes) -> str:
    """What stands for the absolute path wherever only text can."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return "=" + base64.urlsafe_b64encode(path).decode().rstrip("=")


def path_of(address: str, field: str = "path") -> bytes:
    """The path an address stands for. Raises InvalidSpec naming `field`."""
    path = _decoded(address)
    if path is None or not path.startswith(b"/") or b"\0" in path:
        raise InvalidSpec(field, f"{address[:80]!a} is not the address of a path", hint="Paths begin with a slash.")
    if len(path) > _LONGEST_PATH:
        raise InvalidSpec(field, f"{shown(path[:80])}… is longer than Linux can open")
    return path


def _decoded(address: str) -> bytes | None:
    try:
        if not address.startswith("="):
            return address.encode()
        return base64.b64decode(address[1:] + "=" * (-(len(address) - 1) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


def shown(path: bytes) -> str:
    """The path or name as it is shown to people, also in messages."""
    return path.decode(errors="replace")


def join(folder: bytes, name: bytes) -> bytes:
    """The absolute path of `name` in the folder."""
    return folder.rstrip(b"/") + b"/" + name
