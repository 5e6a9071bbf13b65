"""How the services change the tables: each inside a service's transaction, after its check."""

from fnmatch import fnmatchcase
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from panel.accounts.actors import Actor
from panel.distribution import documents
from panel.distribution.errors import InUse, NameUnknown, ReferenceMissing, SizeInvalid
from panel.distribution.folder import storage
from panel.distribution.models import (
    Blob,
    Manifest,
    ManifestReference,
    Namespace,
    Repository,
    RepositoryBlob,
    Tag,
)
from panel.distribution.names import RepositoryName, namespace_of

AT_ONCE = 500
"""Digests one query asks for: databases bound how many values it may have."""


def made(actor: Actor, wanted: RepositoryName) -> Repository:
    """The repository and its namespace: made by the first who may push there, whose they are then."""
    repository = Repository.objects.select_related("namespace").filter(name=wanted.name).first()
    if repository is not None:
        return repository
    owner = {"owner": actor.user}
    namespace, _made = Namespace.objects.get_or_create(name=namespace_of(wanted.name), defaults=owner)
    repository, _made = Repository.objects.get_or_create(name=wanted.name, defaults={"namespace": namespace})
    return repository


def locked(repository: Repository) -> Repository:
    """The row; until the transaction ends nobody else changes what the repository has. NameUnknown: it went."""
    rows = Repository.objects.select_for_update(of=("self",)).select_related("namespace")
    row = rows.filter(pk=repository.pk).first()
    if row is None:
        raise NameUnknown(f"there is no repository {repository.name} any more", field="name")
    return row


def link(repository: Repository, blob: Blob) -> None:
    """The repository has the blob, from now on."""
    now = {"touched_at": timezone.now()}
    RepositoryBlob.objects.update_or_create(repository=repository, blob=blob, defaults=now)


def is_immutable(namespace: Namespace, tag: str) -> bool:
    """Whether one of the namespace's patterns has it."""
    return any(fnmatchcase(tag, pattern) for pattern in namespace.immutable_tags)


def check_mutable(repository: Repository, tags: list[str]) -> None:
    """Raise InUse if one of the tags is there for good."""
    for tag in tags:
        if is_immutable(repository.namespace, tag):
            raise InUse(
                _("The tag %(tag)s is immutable.") % {"tag": tag},
                hint=_("Push under another tag, or change the namespace's immutable tags."),
                field="tag",
            )


def check_references(repository: Repository, document: documents.Document) -> None:
    """Everything a manifest needs is in its own repository, and as large as it says."""
    sizes = _sizes(repository, [blob.digest for blob in document.blobs])
    for blob in document.blobs:
        if blob.digest not in sizes:
            raise ReferenceMissing(f"{repository.name} has no blob {blob.digest}")
        if sizes[blob.digest] != blob.size:
            raise SizeInvalid(f"{blob.digest} has {sizes[blob.digest]} bytes, not {blob.size}")
    wanted = [child.digest for child in document.manifests]
    missing = set(wanted) - set(_children(repository, wanted))
    if missing:
        raise ReferenceMissing(f"{repository.name} has no manifest {min(missing)}")


def kept(actor: Actor, repository: Repository, digest: str, document: documents.Document, content: bytes) -> Manifest:
    """The manifest's row: a new one, or the one that is there."""
    manifest = Manifest.objects.told().filter(repository=repository, digest=digest).first()
    if manifest is not None:
        manifest.touched_at = timezone.now()
        manifest.save(update_fields=["touched_at"])
        return manifest
    children = [child.digest for child in document.manifests]
    manifest = Manifest.objects.create(
        repository=repository,
        digest=digest,
        media_type=document.media_type,
        artifact_type=document.artifact_type,
        subject_digest=document.subject,
        annotations=document.annotations,
        platforms=list(document.platforms) or _own_platform(document),
        size_bytes=len(content),
        total_bytes=sum({blob.digest: blob.size for blob in document.blobs}.values())
        + sum(_children(repository, children).values()),
        pushed_by=actor.user,
        content=content,
    )
    needed = dict.fromkeys([*(blob.digest for blob in document.blobs), *children])
    ManifestReference.objects.bulk_create(
        (ManifestReference(manifest=manifest, digest=each) for each in needed), batch_size=AT_ONCE
    )
    return manifest


def tagged(actor: Actor, repository: Repository, name: str, manifest: Manifest) -> str:
    """Move the tag to the manifest; the digest it had before, or nothing. Raises InUse for an immutable one."""
    tag = Tag.objects.filter(repository=repository, name=name).select_related("manifest").first()
    if tag is None:
        Tag.objects.create(repository=repository, name=name, manifest=manifest, moved_by=actor.user)
        return ""
    before = tag.manifest
    if before.pk != manifest.pk:
        check_mutable(repository, [name])
        Manifest.objects.filter(pk=before.pk).update(touched_at=timezone.now())
    tag.manifest, tag.moved_by, tag.moved_at = manifest, actor.user, timezone.now()
    tag.save()
    return before.digest


def _sizes(repository: Repository, digests: list[str]) -> dict[str, int]:
    """Sizes of those of the blobs that the repository has."""
    rows = RepositoryBlob.objects.filter(repository=repository)
    return _found(rows.values_list("blob__digest", "blob__size_bytes"), "blob__digest__in", digests)


def _children(repository: Repository, digests: list[str]) -> dict[str, int]:
    """Sizes of those of the manifests that the repository has."""
    rows = Manifest.objects.filter(repository=repository)
    return _found(rows.values_list("digest", "total_bytes"), "digest__in", digests)


def _found(rows: QuerySet[Any, tuple[str, int]], condition: str, digests: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(digests), AT_ONCE):
        found.update(rows.filter(**{condition: digests[start : start + AT_ONCE]}))
    return found


def _own_platform(document: documents.Document) -> list[str]:
    """An image's, as its configuration has it."""
    config = document.config
    if config is None or config.size > documents.LONGEST_BYTES:
        return []
    with storage().open(config.digest) as file:
        platform = documents.platform_of(file.read(config.size))
    return [platform] if platform else []
