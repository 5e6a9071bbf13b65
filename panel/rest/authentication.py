"""Who calls the REST API: a program with a token, or a page with its session."""

from knox.auth import TokenAuthentication
from rest_framework import authentication
from rest_framework.request import Request


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Bearer moorage_…`."""


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's session, with its CSRF token; without one the answer is 401 rather than 403."""

    def authenticate_header(self, request: Request) -> str:
        """What the answer 401 offers."""
        return "Bearer"
