"""Who acts, how they proved it and from where: the first argument of every service."""

import getpass
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from django.http import HttpRequest

from panel.accounts.models import Token, User


class How(StrEnum):
    """How an actor was authenticated."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a word, not a password
    PASSWORD = "password"  # noqa: S105 - name and password sent along by a program, as docker login does
    ANONYMOUS = "anonymous"
    CLI = "cli"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """One who acts. `user` is None for the command line, for the panel itself and for a host's reports.

    `scopes` narrows a token to some of its user's permissions; None is no narrowing.
    """

    user: User | None
    name: str
    how: How
    address: str = ""
    scopes: frozenset[str] | None = None

    @classmethod
    def from_request(cls, request: Any) -> Self:
        """The actor of a Django or DRF request; an anonymous one has no user and may do nothing."""
        user = request.user if request.user.is_authenticated else None
        token = getattr(request, "auth", None)
        scopes = frozenset(token.scopes) if isinstance(token, Token) else None
        return cls(
            user=user,
            name=user.get_username() if user else "",
            how=How.TOKEN if scopes is not None else How.SESSION,
            address=address_of(request),
            scopes=scopes or None,
        )

    @classmethod
    def from_scope(cls, scope: dict[str, Any]) -> Self:
        """The actor of a Channels consumer: the session's user."""
        user = scope.get("user")
        known = user if user is not None and user.is_authenticated else None
        return cls(
            user=known,
            name=known.get_username() if known else "",
            how=How.SESSION,
            address=(scope.get("client") or ("",))[0],
        )

    @classmethod
    def command_line(cls) -> Self:
        """Whoever runs `manage.py`: they hold the database, so nothing is refused to them, but it is written down."""
        return cls(user=None, name=getpass.getuser(), how=How.CLI)

    @classmethod
    def system(cls, name: str) -> Self:
        """The panel itself, or a host reporting what it saw; `name` says which."""
        return cls(user=None, name=name, how=How.SYSTEM)

    def may(self, permission: str) -> bool:
        """Whether this actor holds `permission` (`containers.create`)."""
        if self.how in (How.CLI, How.SYSTEM):
            return True
        if self.user is None or (self.scopes is not None and permission not in self.scopes):
            return False
        return self.user.has_perm(permission)


def address_of(request: HttpRequest) -> str:
    """The peer's address; the web server has already looked at a trusted proxy's headers."""
    return str(request.META.get("REMOTE_ADDR") or "")
