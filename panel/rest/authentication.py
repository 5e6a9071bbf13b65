"""Who calls the REST API: a program with a token, or a page with its session."""

from hmac import compare_digest

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from panel.accounts.models import Token, User


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Bearer moorage_…`."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, Token]:
        """The token's user and the token; one query, where knox would look through all tokens of the user as well."""
        text = token.decode("latin-1")
        digest = hash_token(text)
        for row in Token.objects.filter(token_key=text[: CONSTANTS.TOKEN_KEY_LENGTH]).select_related("user"):
            if compare_digest(row.digest, digest) and (row.expiry is None or row.expiry > timezone.now()):
                if not row.user.is_active:
                    raise AuthenticationFailed(_("The user is not active."))
                return row.user, row
        raise AuthenticationFailed(_("The token is not valid, or it has expired."))


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's session, with its CSRF token; without one the answer is 401 rather than 403."""

    def authenticate_header(self, request: Request) -> str:
        """What the answer 401 offers."""
        return "Bearer"
