"""Who may do what in which repository; what one may not see looks like what is not there.

Pulling takes a namespace one sees: a public one, an internal one with `distribution.pull`, one's own. Pushing and
deleting take `distribution.push` and `distribution.delete` and a namespace of one's own, or `distribution.manage` for
any. A namespace nobody has made yet is one's own if it is called as oneself.
"""

from typing import Any

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.models import AuditEntry
from panel.distribution.errors import NameUnknown
from panel.distribution.models import Namespace, Repository
from panel.distribution.names import RepositoryName, is_namespace, namespace_of
from panel.door import Need

MANAGE = "distribution.manage"


def readable(actor: Actor, name: str) -> Repository:
    """The repository, if the actor may pull from it. Raises NameInvalid or NameUnknown; a refusal is audited."""
    asked = RepositoryName.parse(name)
    repository = Repository.objects.readable_by(actor).select_related("namespace").filter(name=name).first()
    if repository is not None:
        return repository
    if actor.user is not None and Repository.objects.filter(name=name).exists():
        audit.record(
            actor=actor,
            action="distribution.pull",
            subject=asked.subject,
            outcome=AuditEntry.Outcome.DENIED,
            detail="the namespace is not theirs",
        )
    raise NameUnknown(f"there is no repository {name}, or you may not see it", field="name")


def owns(actor: Actor, namespace: str) -> bool:
    """Whether it is the actor's own, by name where nobody has made it yet."""
    row = Namespace.objects.filter(name=namespace).first()
    if row is None:
        return actor.user is not None and actor.user.get_username() == namespace
    return Namespace.objects.owned_by(actor).filter(pk=row.pk).exists()


def unless_own(arguments: dict[str, Any]) -> Need | None:
    """For the one door: what a call about a `repository` takes beside its permission."""
    namespace = namespace_of(arguments["repository"].name)
    return None if owns(arguments["actor"], namespace) else Need(MANAGE, f"the namespace {namespace}")


def refusal(actor: Actor, name: str, permission: str, *, is_push: bool) -> str:
    """Why the actor was refused `permission` for the repository `name`, and what they may do instead.

    Whose a namespace is only those hear who may see it.
    """
    if permission != MANAGE:
        who = "this API token has" if actor.user is not None and actor.user.has_perm(permission) else "you have"
        return f"this takes the permission {permission}, which {who} not"
    namespace, own = namespace_of(name), actor.user.get_username() if actor.user else ""
    row = Namespace.objects.readable_by(actor).select_related("owner", "group").filter(name=namespace).first()
    owners = " and ".join(str(owner) for owner in (row.owner, row.group) if owner) if row else ""
    said = f"the namespace '{namespace}' " + (f"belongs to {owners}" if owners else "is not yours")
    return f"{said}; push to {own}/…" if is_push and is_namespace(own) and own != namespace else said
