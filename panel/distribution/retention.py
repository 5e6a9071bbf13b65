"""What a namespace's rules let go: tags no matching rule keeps, then manifests that have been untagged for too long."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from django.utils import timezone

from panel.distribution import keeping
from panel.distribution.errors import NameUnknown
from panel.distribution.models import Manifest, Namespace, Repository, Rule, Tag


@dataclass
class Gone:
    """`team/app:1.0` and `team/app@sha256:…` that went, or would go."""

    tags: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)


def apply(namespace: Namespace) -> Gone:
    """Let go what the rules do not keep. Inside a transaction; blobs are left to the collection."""
    gone, now, rules = Gone(), timezone.now(), list(namespace.rules.all())
    for row in namespace.repositories.all():
        try:
            repository = keeping.locked(row)
        except NameUnknown:  # deleted meanwhile, and its tags with it
            continue
        going = let_go(repository, rules, list(repository.tags.order_by("-moved_at", "-pk")), now)
        Manifest.objects.filter(tags__in=going).update(touched_at=now)
        Tag.objects.filter(pk__in=[tag.pk for tag in going]).delete()
        gone.tags += sorted(f"{repository.name}:{tag.name}" for tag in going)
        if namespace.untagged_days is not None:
            gone.manifests += _take_untagged(repository, now - timedelta(days=namespace.untagged_days))
    return gone


def let_go(repository: Repository, rules: Iterable[Rule], tags: list[Tag], now: datetime) -> list[Tag]:
    """Those of the tags, newest first, that some rule matches and none keeps. Immutable ones stay."""
    matched: dict[int, Tag] = {}
    kept: set[int] = set()
    for rule in rules:
        if not fnmatchcase(repository.name, _full(repository, rule.repositories)):
            continue
        mine = [tag for tag in tags if fnmatchcase(tag.name, rule.tags)]
        matched |= {tag.pk: tag for tag in mine}
        kept |= {tag.pk for tag in mine[: rule.keep_last or 0]}
        if rule.keep_days is not None:
            kept |= {tag.pk for tag in mine if now - tag.moved_at < timedelta(days=rule.keep_days)}
    going = [tag for pk, tag in matched.items() if pk not in kept]
    return [tag for tag in going if not keeping.is_immutable(repository.namespace, tag.name)]


def _full(repository: Repository, pattern: str) -> str:
    """A rule's pattern is about what follows the namespace; a repository called as the namespace matches only `*`."""
    namespace = repository.namespace.name
    return f"{namespace}/{pattern}" if repository.name != namespace else namespace if pattern == "*" else ""


def _take_untagged(repository: Repository, before: datetime) -> list[str]:
    """Untagged manifests, then those that become so by it: an index's parts, what refers to them."""
    gone: list[str] = []
    while True:
        rows = Manifest.objects.untagged().filter(repository=repository, touched_at__lt=before)
        digests = list(rows.values_list("digest", flat=True))
        if not digests:
            return gone
        Manifest.objects.told().filter(repository=repository, digest__in=digests).delete()
        gone += sorted(f"{repository.name}@{digest}" for digest in digests)
