"""`GET /v2/` tells whether one is signed in; `GET /v2/token` signs in (Token Authentication Specification)."""

from django.utils import timezone

from panel.distribution import tokens
from panel.distribution.credentials import Visitor
from panel.distribution.protocol.messages import Answer, Call, document
from panel.distribution.protocol.problems import Challenged


def version(call: Call, visitor: Visitor) -> Answer:
    """200 to whoever shows credentials or a token, even one for nobody; else where tokens are to be had."""
    if not visitor.has_credentials:
        raise Challenged("")
    return document(200, {})


def token(call: Call, visitor: Visitor) -> Answer:
    """A token for what `scope` asks for. It does not tell whether the visitor may do that."""
    actor = visitor.actor
    grant = tokens.Grant(
        user=actor.user.pk if actor.user else None,
        how=actor.how.value,
        scopes=tuple(sorted(actor.scopes or ())),
        access=tokens.access_of(call.query.get("scope", [])),
    )
    issued = tokens.issue(grant)
    return document(
        200,
        {
            "token": issued,
            "access_token": issued,
            "expires_in": tokens.VALID_S,
            "issued_at": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )
