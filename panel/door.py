"""The one door: every change of state is a service, and every service declares who may call it.

`@service("containers.operate")` makes a keyword-only function whose first argument is `actor`. A refusal is written to
the audit log in a transaction of its own and raised as NotPermitted; otherwise the function runs inside a transaction
that also holds its audit row, and what it hands to `transaction.on_commit` happens after that.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from django.db import transaction

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.models import AuditEntry
from panel.audit.subject import NOTHING, HasSubject, Subject
from panel.errors import NotPermitted

P = ParamSpec("P")
R = TypeVar("R")


OWN = "own"
"""In place of a permission: any signed-in actor, about what is their own. The service sees to the latter."""

SERVICES: dict[str, str] = {}
"""Permission by service (`panel.containers.services.start`); a test compares it with the services there are."""


@dataclass(frozen=True)
class Need:
    """A further permission that one call takes, and what of its arguments takes it (`privileged, userns`)."""

    permission: str
    because: str


def service(
    permission: str, *, action: str = "", further: Callable[[dict[str, Any]], Need | list[Need] | None] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare that only an actor with `permission` may call the function, and make it one transaction.

    `action` is what the audit log calls it, `containers.start` by its area and name unless told otherwise. `further`
    looks at a call's arguments and says whether they take another permission too, or several.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        called = action or f"{function.__module__.split('.')[-2]}.{function.__name__}"
        SERVICES[f"{function.__module__}.{function.__name__}"] = permission

        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            actor = kwargs["actor"]
            assert isinstance(actor, Actor)  # noqa: S101 - a caller's mistake, not a user's
            if not _may(actor, permission):
                refuse(actor, permission, called, kwargs)
            for need in _listed(further(kwargs)) if further else ():
                if not actor.may(need.permission):
                    refuse(actor, need.permission, called, kwargs, because=need.because)
            with transaction.atomic():
                return function(*args, **kwargs)

        return guarded

    return decorate


def _listed(needs: Need | list[Need] | None) -> list[Need]:
    if needs is None:
        return []
    return needs if isinstance(needs, list) else [needs]


def _may(actor: Actor, permission: str) -> bool:
    if permission == OWN:
        return actor.user is not None or actor.may(permission)
    return actor.may(permission)


def refuse(actor: Actor, permission: str, action: str, arguments: dict[str, Any], *, because: str = "") -> None:
    """Write the refusal down and raise NotPermitted; `because` names what of the call takes the permission."""
    audit.record(
        actor=actor,
        action=action,
        subject=_subject(arguments),
        outcome=AuditEntry.Outcome.DENIED,
        detail=f"needs {permission}" + (f" for {because}" if because else ""),
    )
    raise NotPermitted(permission, because)


def _subject(arguments: dict[str, Any]) -> Subject:
    """What the refused call was about: the first argument the audit log can name."""
    for value in arguments.values():
        if isinstance(value, HasSubject):
            return value.subject
    return NOTHING
