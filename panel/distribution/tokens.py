"""The short-lived tokens of `/v2/token`: who somebody is and what of that they asked for, signed by the panel.

A token grants nothing by itself. Each request asks the database again what its user may do; the token only says who
that is, and narrows it to the actions that were asked for (distribution project, "Token Authentication Specification").

Identity tokens are what a client keeps in place of a password: good for nothing but such tokens, for a season, and
until the password changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.utils.crypto import constant_time_compare

from panel.accounts.models import User

VALID_S = 300
IDENTITY_VALID_S = 90 * 24 * 3600
_SALT = "moorage.distribution.token"
_IDENTITY_SALT = "moorage.distribution.identity"


@dataclass(frozen=True)
class Grant:
    """What a token says. `user` is None for a visitor; `scopes` are those of the API token it was made from, if any.

    `access` holds actions by what they are on: `{"repository:team/app": {"pull", "push"}}`.
    """

    user: int | None
    how: str
    scopes: tuple[str, ...]
    access: dict[str, frozenset[str]]


def access_of(scopes: Iterable[str]) -> dict[str, frozenset[str]]:
    """The query's `scope=repository:team/app:pull,push`, each perhaps several of them; what is not understood is left
    out, and so not granted."""
    access: dict[str, frozenset[str]] = {}
    for scope in " ".join(scopes).split():
        what, _, actions = scope.rpartition(":")
        if what:
            access[what] = access.get(what, frozenset()) | frozenset(actions.split(","))
    return access


def issue(grant: Grant) -> str:
    """The token."""
    access = {what: sorted(actions) for what, actions in grant.access.items()}
    value = {"user": grant.user, "how": grant.how, "scopes": list(grant.scopes), "access": access}
    return signing.dumps(value, salt=_SALT, compress=True)


def read(token: str) -> Grant | None:
    """What it says; None if it is not ours, or too old."""
    try:
        value: dict[str, Any] = signing.loads(token, salt=_SALT, max_age=VALID_S)
    except signing.BadSignature:
        return None
    access = {what: frozenset(actions) for what, actions in value["access"].items()}
    return Grant(value["user"], value["how"], tuple(value["scopes"]), access)


def issue_identity(user: User) -> str:
    """An identity token of the user's."""
    return signing.dumps({"user": user.pk, "password": user.get_session_auth_hash()}, salt=_IDENTITY_SALT)


def read_identity(token: str) -> User | None:
    """Whose it is; None if it is not ours, too old, from before a new password, or of somebody who may not sign in."""
    try:
        value: dict[str, Any] = signing.loads(token, salt=_IDENTITY_SALT, max_age=IDENTITY_VALID_S)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=value["user"], is_active=True).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), value["password"]):
        return None
    return user
