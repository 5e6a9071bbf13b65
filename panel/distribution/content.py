"""What is read from repositories: manifests, blobs, lists. A manifest that is pulled is an audit row."""

from collections.abc import Sequence
from datetime import timedelta
from typing import BinaryIO

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.distribution.errors import BlobUnknown, ManifestUnknown
from panel.distribution.folder import storage
from panel.distribution.models import Manifest, Repository, RepositoryBlob, Tag
from panel.distribution.names import check_digest, is_digest, is_tag

REFERRERS_AT_ONCE = 500
TOUCHED_FOR = timedelta(hours=1)
"""A blob somebody asked for is marked at most once in this time; the collection's grace is much longer."""


def manifest(repository: Repository, reference: str) -> Manifest:
    """By tag or digest. Raises ManifestUnknown."""
    manifests = Manifest.objects.filter(repository=repository)
    found = None
    if is_digest(reference):
        found = manifests.filter(digest=reference).first()
    elif is_tag(reference):
        found = manifests.filter(tags__name=reference).first()
    if found is None:
        raise ManifestUnknown(f"{repository.name} has no manifest {reference[:140]}")
    return found


def pulled(actor: Actor, repository: Repository, reference: str, found: Manifest) -> None:
    """Write down that the manifest was pulled; clients ask for it by digest, so its tags are told too."""
    with transaction.atomic():
        told = {"digest": found.digest, "tags": sorted(found.tags.values_list("name", flat=True))}
        audit.record(actor=actor, action="distribution.pull", subject=repository.part(reference), after=told)
        Manifest.objects.filter(pk=found.pk).update(pulled_at=timezone.now())


def blob_size(repository: Repository, digest: str) -> int:
    """Raises BlobUnknown. Who asks may be about to push a manifest that needs it, so it is kept a while longer."""
    links = RepositoryBlob.objects.filter(repository=repository, blob__digest=check_digest(digest))
    link = links.select_related("blob").first()
    if link is None:
        raise BlobUnknown(f"{repository.name} has no blob {digest}")
    if timezone.now() - link.touched_at > TOUCHED_FOR and not links.update(touched_at=timezone.now()):
        raise BlobUnknown(f"{repository.name} has no blob {digest}")  # it was collected in between
    return link.blob.size_bytes


def blob(repository: Repository, digest: str) -> BinaryIO:
    """Its bytes. Raises BlobUnknown."""
    try:
        return storage().open(digest)
    except FileNotFoundError:
        raise BlobUnknown(f"the registry has lost the blob {digest}", hint="Push it again.") from None


def holders(actor: Actor, digest: str) -> QuerySet[Repository]:
    """The repositories with that blob that the actor may pull from."""
    return Repository.objects.readable_by(actor).filter(blobs__blob__digest=digest).order_by("name")


def tags(repository: Repository) -> list[str]:
    """Every tag, in lexical order whatever its case, as the specification has it."""
    return sorted(Tag.objects.filter(repository=repository).values_list("name", flat=True), key=lexical)


def repositories(actor: Actor) -> list[str]:
    """Names of those the actor may pull from and that have something, in lexical order."""
    rows = Repository.objects.readable_by(actor).filter(manifests__isnull=False).distinct()
    return sorted(rows.values_list("name", flat=True), key=lexical)


def lexical(name: str) -> tuple[str, str]:
    """The order of the specification's lists."""
    return name.lower(), name


def after(names: Sequence[str], last: str, most: int | None) -> tuple[list[str], bool]:
    """The page of a list that begins behind `last` with `most` of it, and whether there are more."""
    rest = [name for name in names if not last or lexical(name) > lexical(last)]
    page = rest if most is None else rest[:most]
    return page, len(page) < len(rest)


def referrers(repository: Repository, digest: str, artifact_type: str, last: str) -> tuple[list[Manifest], bool]:
    """Manifests whose subject is `digest`, of that artifact type if one is given; whether there are more of them."""
    rows = Manifest.objects.told().filter(repository=repository, subject_digest=digest, digest__gt=last)
    if artifact_type:
        rows = rows.filter(artifact_type=artifact_type)
    found = list(rows.order_by("digest")[: REFERRERS_AT_ONCE + 1])
    return found[:REFERRERS_AT_ONCE], len(found) > REFERRERS_AT_ONCE
