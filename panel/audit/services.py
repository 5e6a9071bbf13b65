"""Writes what happened into the audit log."""

from typing import Any

from panel.accounts.actors import Actor
from panel.audit import chain
from panel.audit.models import AuditEntry
from panel.audit.subject import NOTHING, Subject


def record(
    *,
    actor: Actor,
    action: str,
    subject: Subject = NOTHING,
    before: Any = None,
    after: Any = None,
    outcome: AuditEntry.Outcome = AuditEntry.Outcome.ALLOWED,
    detail: str = "",
) -> AuditEntry:
    """Append one row, in the caller's transaction. `before` and `after` are JSON values; texts are cut to fit."""
    return chain.append(
        actor=actor.user,
        actor_name=_clean(actor.name, 200),
        how=actor.how.value,
        address=_clean(actor.address, 64),
        action=action,
        object_kind=subject.kind,
        object_id=_clean(subject.id, 200),
        object_name=_clean(subject.name, 500),
        before=before,
        after=after,
        outcome=outcome,
        detail=_clean(detail, 4000),
    )


def _clean(text: str, limit: int) -> str:
    return text.replace("\0", "\ufffd")[:limit]
