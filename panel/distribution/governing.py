"""What may be done to namespaces: make one, say who owns it and what is kept of it, apply its rules, delete it.

Who owns a namespace governs it; making one, giving one away and opening one to anybody take `distribution.manage`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.translation import gettext as _

from panel.accounts.actors import Actor
from panel.accounts.models import User
from panel.audit import services as audit
from panel.distribution import keeping, retention
from panel.distribution.access import MANAGE, owns, unless_own
from panel.distribution.errors import InUse
from panel.distribution.models import Namespace, Repository, Rule
from panel.distribution.names import check_namespace
from panel.distribution.retention import Gone
from panel.door import Need, service
from panel.errors import Conflicting, Invalid

MOST_PATTERNS = 50
LONGEST_PATTERN = 128
MOST_DAYS = 36_500
TOLD = 100
"""Names of tags that an audit row tells; of more it tells how many."""


@dataclass(frozen=True)
class RuleValue:
    """A rule as it is asked for: see `models.Rule`."""

    repositories: str = "*"
    tags: str = "*"
    keep_last: int | None = None
    keep_days: int | None = None


@dataclass(frozen=True)
class Change:
    """What a namespace is to be; None leaves a value as it is. `owner` and `group` are given together."""

    visibility: str | None = None
    immutable_tags: Sequence[str] | None = None
    untagged_days: int | None = None
    keeps_untagged: bool = False
    rules: Sequence[RuleValue] | None = None
    owners: tuple[User | None, Group | None] | None = None


def _needs(arguments: dict[str, Any]) -> Need | None:
    """Beside one's own namespace: nobody gives one away or opens it to anybody without managing all of them."""
    namespace, change = arguments["namespace"], arguments.get("change")
    if not owns(arguments["actor"], namespace.name):
        return Need(MANAGE, f"the namespace {namespace.name}")
    if change and change.owners is not None and change.owners != (namespace.owner, namespace.group):
        return Need(MANAGE, "another owner")
    if change and change.visibility == Namespace.Visibility.PUBLIC != namespace.visibility:
        return Need(MANAGE, "showing it to anybody")
    return None


@service("distribution.manage")
def create_namespace(
    *,
    actor: Actor,
    name: str,
    owner: User | None = None,
    group: Group | None = None,
    visibility: str = Namespace.Visibility.PRIVATE,
) -> Namespace:
    """Make a namespace; it is the actor's own if no owner is named. Raises NameInvalid or Conflicting."""
    _check_visibility(visibility)
    if Namespace.objects.filter(name=check_namespace(name)).exists():
        raise Conflicting(_("There is a namespace %(name)s already.") % {"name": name}, field="name")
    owner = owner or (None if group else actor.user)
    namespace = Namespace.objects.create(name=name, owner=owner, group=group, visibility=visibility)
    audit.record(actor=actor, action="distribution.create_namespace", subject=namespace.subject, after=_told(namespace))
    return namespace


@service("distribution.push", action="distribution.change_namespace", further=_needs)
def change_namespace(*, actor: Actor, namespace: Namespace, change: Change) -> Namespace:
    """Make it what `change` says. Raises Invalid naming the value at fault."""
    before = _told(namespace)
    if change.visibility is not None:
        namespace.visibility = _check_visibility(change.visibility)
    if change.immutable_tags is not None:
        namespace.immutable_tags = _check_patterns(change.immutable_tags, "immutable_tags")
    if change.untagged_days is not None or change.keeps_untagged:
        namespace.untagged_days = _check_count(change.untagged_days, MOST_DAYS, "untagged_days")
    if change.owners is not None:
        namespace.owner, namespace.group = change.owners
    namespace.save()
    if change.rules is not None:
        _replace_rules(namespace, change.rules)
    audit.record(
        actor=actor,
        action="distribution.change_namespace",
        subject=namespace.subject,
        before=before,
        after=_told(namespace),
    )
    return namespace


@service("distribution.manage")
def delete_namespace(*, actor: Actor, namespace: Namespace) -> None:
    """Delete it with its rules. Raises InUse while it has repositories."""
    if namespace.repositories.exists():
        raise InUse(_("%(name)s has repositories.") % {"name": namespace.name}, hint=_("Delete those first."))
    audit.record(
        actor=actor, action="distribution.delete_namespace", subject=namespace.subject, before=_told(namespace)
    )
    namespace.delete()


@service("distribution.delete", action="distribution.delete_repository", further=unless_own)
def delete_repository(*, actor: Actor, repository: Repository) -> None:
    """Delete it with all its tags. Raises InUse if one of them is immutable."""
    row = keeping.locked(repository)
    tags = sorted(row.tags.values_list("name", flat=True))
    keeping.check_mutable(row, tags)
    audit.record(
        actor=actor,
        action="distribution.delete_repository",
        subject=row.subject,
        before={"tags": tags[:TOLD], "count": len(tags)},
    )
    row.delete()


@service("distribution.delete", action="distribution.retain", further=_needs)
def retain(*, actor: Actor, namespace: Namespace, is_dry_run: bool) -> Gone:
    """Let go what the namespace's rules do not keep; in a dry run only tell what that would be."""
    with transaction.atomic():
        gone = retention.apply(namespace)
        transaction.set_rollback(is_dry_run)
    if not is_dry_run and (gone.tags or gone.manifests):
        told = {"tags": gone.tags[:TOLD], "tag_count": len(gone.tags), "manifest_count": len(gone.manifests)}
        audit.record(actor=actor, action="distribution.retain", subject=namespace.subject, before=told)
    return gone


def _replace_rules(namespace: Namespace, rules: Sequence[RuleValue]) -> None:
    if len(rules) > MOST_PATTERNS:
        raise Invalid(_("A namespace has %(most)d rules at most.") % {"most": MOST_PATTERNS}, field="rules")
    for number, rule in enumerate(rules):
        where = f"rules.{number}"
        _check_patterns([rule.repositories], f"{where}.repositories")
        _check_patterns([rule.tags], f"{where}.tags")
        _check_count(rule.keep_last, 100_000, f"{where}.keep_last")
        _check_count(rule.keep_days, MOST_DAYS, f"{where}.keep_days")
        if rule.keep_last is None and rule.keep_days is None:
            raise Invalid(
                _("The rule keeps nothing."), hint=_("Say how many tags it keeps, or for how long."), field=where
            )
    namespace.rules.all().delete()
    Rule.objects.bulk_create(Rule(namespace=namespace, **vars(rule)) for rule in rules)


def _check_visibility(value: str) -> str:
    if value not in Namespace.Visibility.values:
        known = ", ".join(Namespace.Visibility.values)
        raise Invalid(_("It is one of %(known)s.") % {"known": known}, field="visibility")
    return value


def _check_patterns(patterns: Sequence[str], where: str) -> list[str]:
    """Each as fnmatch(3) has it: `*`, `v*`, `release-??`."""
    if len(patterns) > MOST_PATTERNS:
        raise Invalid(_("There are %(most)d patterns at most.") % {"most": MOST_PATTERNS}, field=where)
    for pattern in patterns:
        if not pattern or len(pattern) > LONGEST_PATTERN or not pattern.isascii() or not pattern.isprintable():
            raise Invalid(_("%(pattern)s is no pattern of tags.") % {"pattern": repr(pattern[:40])}, field=where)
    return list(dict.fromkeys(patterns))


def _check_count(value: int | None, most: int, where: str) -> int | None:
    if value is not None and not 0 <= value <= most:
        raise Invalid(_("It is between 0 and %(most)d.") % {"most": most}, field=where)
    return value


def _told(namespace: Namespace) -> dict[str, Any]:
    """A namespace as the audit log shows it."""
    return {
        "owner": namespace.owner.get_username() if namespace.owner else None,
        "group": namespace.group.name if namespace.group else None,
        "visibility": namespace.visibility,
        "immutable_tags": namespace.immutable_tags,
        "untagged_days": namespace.untagged_days,
        "rules": list(namespace.rules.values("repositories", "tags", "keep_last", "keep_days")),
    }
