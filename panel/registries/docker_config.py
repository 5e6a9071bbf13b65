"""Reads the sign-ins that `docker login` wrote into `~/.docker/config.json`."""

import json
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from panel.errors import Invalid

MOST_SIGN_INS = 100


@dataclass(frozen=True)
class SignIn:
    """One entry of `auths`."""

    registry: str
    username: str
    secret: str = field(repr=False)
    is_identity_token: bool = False


def parsed(text: str) -> object:
    """The file's JSON. Raises Invalid if it is none."""
    try:
        config: object = json.loads(text)
    except (ValueError, RecursionError):
        raise _no_such_file() from None
    return config


def sign_ins(config: Any) -> list[SignIn]:
    """Every one that holds a secret. Raises Invalid if there is none, or it is no such file."""
    try:
        found = [sign_in for address, entry in config["auths"].items() if (sign_in := _sign_in(address, entry))]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _no_such_file() from None
    if not found:
        raise Invalid(
            _("There is no password in it."),
            hint=_("Docker may keep it in a credential helper: then add it by hand."),
            field="text",
        )
    return found[:MOST_SIGN_INS]


def _no_such_file() -> Invalid:
    return Invalid(_("It is not what docker login writes."), field="text")


def _sign_in(address: str, entry: dict[str, Any]) -> SignIn | None:
    """None for an entry whose secret is kept elsewhere."""
    decoded = b64decode(entry.get("auth") or "", validate=True).decode()
    username, _colon, password = decoded.partition(":")
    if token := entry.get("identitytoken"):
        return SignIn(address, "" if username == "<token>" else username, token, is_identity_token=True)
    username, password = username or entry.get("username") or "", password or entry.get("password") or ""
    return SignIn(address, username, password.rstrip("\0")) if username and password else None
