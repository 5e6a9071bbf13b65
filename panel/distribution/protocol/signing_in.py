"""`GET /v2/` tells whether one is signed in; `/v2/token` signs in, asked by GET or, as OAuth 2 has it, by POST.

Distribution project, "Token Authentication Specification" and "OAuth 2 Token Authentication". Clients that ask for
offline access keep an identity token afterwards and not the password.
"""

from urllib.parse import parse_qsl

from django.utils import timezone

from panel.accounts.actors import How
from panel.distribution import credentials, tokens
from panel.distribution.credentials import Visitor
from panel.distribution.protocol.messages import Answer, Call, document
from panel.distribution.protocol.problems import Challenged, problem

LONGEST_FORM_BYTES = 64 << 10


def version(call: Call, visitor: Visitor) -> Answer:
    """200 to whoever shows credentials or a token, even one for nobody; else where tokens are to be had."""
    if not visitor.has_credentials:
        raise Challenged("")
    return document(200, {})


def token(call: Call, visitor: Visitor) -> Answer:
    """A token for what `scope` asks for. It does not tell whether the visitor may do that."""
    is_offline = call.asked("offline_token") == "true"
    return _issued(visitor, call.query.get("scope", []), _identity(visitor) if is_offline else "")


def exchange(call: Call, visitor: Visitor) -> Answer:
    """The same for who is named in the form: by name and secret, or by an identity token."""
    form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
    given = form.get("refresh_token", "")
    match form.get("grant_type"):
        case "password":
            name, secret = form.get("username", ""), form.get("password", "")
            visitor = credentials.by_secret(name, secret, call.address, passwords_at=call.headers["host"])
        case "refresh_token":
            visitor = credentials.by_identity_token(given, call.address)
        case _:
            return problem(400, "UNSUPPORTED", "grant_type is neither password nor refresh_token")
    is_offline = form.get("access_type") == "offline"
    return _issued(visitor, [form.get("scope", "")], (given or _identity(visitor)) if is_offline else "")


def _identity(visitor: Visitor) -> str:
    """An identity token for who signed in by password. Others have a token already."""
    user = visitor.actor.user
    return tokens.issue_identity(user) if user and visitor.actor.how is How.PASSWORD else ""


def _issued(visitor: Visitor, scopes: list[str], identity: str) -> Answer:
    actor, access = visitor.actor, tokens.access_of(scopes)
    grant = tokens.Grant(
        user=actor.user.pk if actor.user else None,
        how=actor.how.value,
        scopes=tuple(sorted(actor.scopes or ())),
        access=access,
    )
    issued = tokens.issue(grant)
    told = {
        "token": issued,
        "access_token": issued,
        "expires_in": tokens.VALID_S,
        "issued_at": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scope": " ".join(f"{what}:{','.join(sorted(actions))}" for what, actions in access.items()),
    }
    return document(200, told | ({"refresh_token": identity} if identity else {}))
