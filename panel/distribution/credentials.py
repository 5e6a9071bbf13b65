"""Who calls `/v2/`: by a token of `/v2/token`, by an API token, by name and password, or nobody.

`docker login` takes the panel's user name with an API token or with the password. Each API token is looked up by its
digest, so it is taken by any request; a password costs its hash, so only `/v2/token` takes it, where wrong ones are
counted and audited as at the sign-in page.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed

from panel.accounts.actors import Actor, How
from panel.accounts.models import User
from panel.distribution import tokens
from panel.rest.authentication import BearerAuthentication

TOKEN_PREFIX = "moorage_"  # noqa: S105 - how API tokens begin (panel/settings/accounts.py)


class CredentialsRefused(Exception):
    """They are wrong; nobody else is meant."""


class TooManyAttempts(Exception):
    """Too many wrong passwords from there, or for that name."""


@dataclass(frozen=True)
class Visitor:
    """Who calls. `access` narrows it to what a token was asked for; None is no narrowing."""

    actor: Actor
    access: Mapping[str, frozenset[str]] | None = None
    has_credentials: bool = True

    def covers(self, what: str, action: str) -> bool:
        """Whether what the visitor showed is meant for that; not whether they may."""
        return self.access is None or action in self.access.get(what, ()) or "*" in self.access.get(what, ())


def visitor(authorization: str, address: str, *, passwords_at: str = "") -> Visitor:
    """By the header `Authorization`. Passwords are taken only at that host name, with which wrong ones are counted.

    Raises CredentialsRefused or TooManyAttempts.
    """
    scheme, _, value = authorization.strip().partition(" ")
    match scheme.lower():
        case "":
            return Visitor(nobody(address), access={}, has_credentials=False)
        case "bearer" if value.startswith(TOKEN_PREFIX):
            return Visitor(_by_api_token(value, address))
        case "bearer":
            return _by_grant(value, address)
        case "basic":
            return by_secret(*_basic(value), address, passwords_at=passwords_at)
    raise CredentialsRefused


def by_secret(name: str, secret: str, address: str, *, passwords_at: str) -> Visitor:
    """By a name, and an API token or a password: `passwords_at` as above. Raises the same."""
    if "\0" in name + secret:
        raise CredentialsRefused
    if secret.startswith(TOKEN_PREFIX):
        return Visitor(_by_api_token(secret, address, name=name))
    if passwords_at:
        return Visitor(_by_password(name, secret, address, passwords_at))
    raise CredentialsRefused


def by_identity_token(token: str, address: str) -> Visitor:
    """By an identity token, or an API token in its place. Raises CredentialsRefused."""
    if token.startswith(TOKEN_PREFIX):
        return Visitor(_by_api_token(token, address))
    user = tokens.read_identity(token)
    if user is None:
        raise CredentialsRefused
    return Visitor(_actor(user, How.TOKEN, address, ()))


def nobody(address: str) -> Actor:
    """A visitor who has not signed in."""
    return Actor(user=None, name="", how=How.ANONYMOUS, address=address)


def _basic(value: str) -> tuple[str, str]:
    try:
        name, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise CredentialsRefused from None
    if not colon:
        raise CredentialsRefused
    return name, secret


def _by_api_token(secret: str, address: str, *, name: str | None = None) -> Actor:
    """Its user, who is called `name` if that is said."""
    try:
        user, token = BearerAuthentication().authenticate_credentials(secret.encode())
    except AuthenticationFailed:
        raise CredentialsRefused from None
    if name not in (None, user.get_username()):
        raise CredentialsRefused
    return _actor(user, How.TOKEN, address, token.scopes)


def _by_password(name: str, password: str, address: str, host: str) -> Actor:
    request = HttpRequest()
    request.META |= {"REMOTE_ADDR": address, "HTTP_HOST": host}
    request.user = AnonymousUser()
    try:
        user = get_adapter().authenticate(request, username=name, password=password)
    except ValidationError:
        raise TooManyAttempts from None
    if user is None or not user.is_active:
        raise CredentialsRefused
    return _actor(user, How.PASSWORD, address, ())


def _by_grant(token: str, address: str) -> Visitor:
    grant = tokens.read(token)
    if grant is None:
        raise CredentialsRefused
    if grant.user is None:
        return Visitor(nobody(address), grant.access)
    user = User.objects.filter(pk=grant.user, is_active=True).first()
    if user is None:
        raise CredentialsRefused
    return Visitor(_actor(user, How(grant.how), address, grant.scopes), grant.access)


def _actor(user: User, how: How, address: str, scopes: "list[str] | tuple[str, ...]") -> Actor:
    return Actor(user=user, name=user.get_username(), how=how, address=address, scopes=frozenset(scopes) or None)
