"""What may be asked about accounts: API tokens are made and taken back."""

from datetime import timedelta

from django.utils.translation import gettext as _

from panel.accounts.actors import Actor
from panel.accounts.models import Token, User
from panel.accounts.roles import PERMISSIONS
from panel.audit import services as audit
from panel.door import OWN, service
from panel.errors import Invalid, Missing

MOST_TOKENS = 100


@service(OWN)
def create_token(
    *,
    actor: Actor,
    user: User,
    name: str,
    scopes: frozenset[str] = frozenset(),
    expires_in: timedelta | None = None,
) -> tuple[Token, str]:
    """Make a token of `user`, the actor's own unless on the command line: the row, and the secret to show once.

    `scopes` are permissions; none is all that the user has. A token cannot make one that may do more than itself.
    """
    if actor.user is not None and actor.user != user:
        raise Missing(_("There is no such user."), field="user")
    _check_scopes(actor, scopes)
    if Token.objects.filter(user=user).count() >= MOST_TOKENS:
        raise Invalid(_("This user has %(count)d tokens already.") % {"count": MOST_TOKENS}, field="name")
    token, secret = Token.objects.create(
        user=user, name=name.strip()[:100] or "token", scopes=sorted(scopes), expiry=expires_in
    )
    after = {"user": user.get_username(), "scopes": token.scopes, "expires": str(token.expiry or "never")}
    audit.record(actor=actor, action="accounts.create_token", subject=token.subject, after=after)
    return token, secret


@service(OWN)
def revoke_token(*, actor: Actor, token: Token) -> None:
    """Take back a token of the actor's own."""
    if actor.user is not None and token.user_id != actor.user.pk:
        raise Missing(_("There is no such token."))
    before = {"user": token.user.get_username(), "scopes": token.scopes}
    audit.record(actor=actor, action="accounts.revoke_token", subject=token.subject, before=before)
    token.delete()


def _check_scopes(actor: Actor, scopes: frozenset[str]) -> None:
    if unknown := sorted(scopes - PERMISSIONS):
        raise Invalid(
            _("%(scope)s is not a permission.") % {"scope": unknown[0]},
            hint=_("Known: %(known)s.") % {"known": ", ".join(sorted(PERMISSIONS))},
            field="scopes",
        )
    if actor.scopes is not None and not (scopes and scopes <= actor.scopes):
        raise Invalid(_("A token cannot make one that may do more than itself."), field="scopes")
