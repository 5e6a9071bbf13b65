"""Writes sign-ins, failed sign-ins and sign-outs into the audit log."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from panel.accounts.actors import Actor, How, address_of
from panel.accounts.models import User
from panel.audit import services as audit
from panel.audit.models import AuditEntry
from panel.audit.subject import Subject


def connect() -> None:
    """Listen; called once when the area is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="moorage-signed-in")
    user_logged_out.connect(_signed_out, dispatch_uid="moorage-signed-out")
    user_login_failed.connect(_failed, dispatch_uid="moorage-sign-in-failed")


def _signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    audit.record(actor=_by_session(request, user), action="accounts.sign_in", subject=_subject(user.get_username()))


def _signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        audit.record(
            actor=_by_session(request, user), action="accounts.sign_out", subject=_subject(user.get_username())
        )


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    name = str(credentials.get("username") or credentials.get("login") or "")
    address = address_of(request) if request else ""
    audit.record(
        actor=Actor(user=None, name=name, how=How.SESSION, address=address),
        action="accounts.sign_in",
        subject=_subject(name),
        outcome=AuditEntry.Outcome.DENIED,
        detail="wrong name or password",
    )


def _by_session(request: HttpRequest, user: User) -> Actor:
    return Actor(user=user, name=user.get_username(), how=How.SESSION, address=address_of(request))


def _subject(name: str) -> Subject:
    return Subject("user", name, name)
