"""What may be done in the registry's repositories: upload blobs, push manifests, take tags, manifests and blobs away.

Each takes its permission and a namespace of one's own (`panel/distribution/access.py`). Blobs are not audited one by
one: a manifest names them all. What may be done to namespaces is in `panel/distribution/governing.py`.
"""

from collections.abc import Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.distribution import documents, keeping
from panel.distribution.access import unless_own
from panel.distribution.errors import BlobUnknown, InUse, ManifestUnknown
from panel.distribution.folder import storage
from panel.distribution.models import Blob, Manifest, Repository, RepositoryBlob, Tag, Upload
from panel.distribution.names import RepositoryName, check_digest, check_reference, check_tags
from panel.door import service


@service("distribution.push", action="distribution.push", further=unless_own)
def begin_upload(*, actor: Actor, repository: RepositoryName) -> Upload:
    """Start the upload of a blob into the repository, which is made if need be."""
    assert actor.user is not None  # noqa: S101 - the command line pushes nothing
    upload = Upload.objects.create(repository=keeping.made(actor, repository), user=actor.user)
    storage().begin(str(upload.pk))
    return upload


@service("distribution.push", action="distribution.push", further=unless_own)
def mount_blob(*, actor: Actor, repository: RepositoryName, source: Repository, digest: str) -> bool:
    """Have the blob of `source`, which the actor may pull from, in the repository too; false if `source` has none.

    Called while the storage is held.
    """
    blob = Blob.objects.filter(digest=check_digest(digest), repositories__repository=source).first()
    if blob is None:
        return False
    keeping.link(keeping.made(actor, repository), blob)
    return True


@service("distribution.push", action="distribution.push", further=unless_own)
def add_blob(*, actor: Actor, repository: RepositoryName, upload: Upload, digest: str, size_bytes: int) -> None:
    """Know the blob that `upload` has become. Called while the storage is held."""
    blob, _created = Blob.objects.get_or_create(digest=digest, defaults={"size_bytes": size_bytes})
    keeping.link(upload.repository, blob)
    upload.delete()


@service("distribution.push", action="distribution.push", further=unless_own)
def cancel_upload(*, actor: Actor, repository: RepositoryName, upload: Upload) -> None:
    """Forget what came of it."""
    storage().cancel(str(upload.pk))
    upload.delete()


@service("distribution.push", action="distribution.push", further=unless_own)
def push_manifest(
    *,
    actor: Actor,
    repository: RepositoryName,
    reference: str,
    content: bytes,
    content_type: str,
    tags: Sequence[str] = (),
) -> Manifest:
    """Keep the manifest under its digest, and move `tags` to it, and `reference` if that is a tag.

    Raises DigestInvalid, ManifestInvalid, ReferenceMissing, SizeInvalid, TooManyTags, or InUse for a tag that may not
    move.
    """
    check_reference(reference)
    check_tags(tags)
    document = documents.read(content, content_type)
    digest = documents.digest_of(content, reference)
    row = keeping.locked(keeping.made(actor, repository))
    keeping.check_references(row, document)
    manifest = keeping.kept(actor, row, digest, document, content)
    for name in dict.fromkeys([*tags] if ":" in reference and tags else [reference, *tags]):
        before = keeping.tagged(actor, row, name, manifest) if ":" not in name else ""
        audit.record(
            actor=actor,
            action="distribution.push",
            subject=row.part(name),
            before={"digest": before} if before not in ("", digest) else None,
            after={"digest": digest, "media_type": manifest.media_type, "size_bytes": manifest.total_bytes},
        )
    return manifest


@service("distribution.delete", further=unless_own)
def delete_tag(*, actor: Actor, repository: Repository, tag: str) -> None:
    """Take the name away; the manifest stays. Raises ManifestUnknown, or InUse for an immutable one."""
    row = Tag.objects.filter(repository=keeping.locked(repository), name=tag).select_related("manifest").first()
    if row is None:
        raise ManifestUnknown(f"{repository.name} has no tag {tag}")
    keeping.check_mutable(repository, [tag])
    before = {"digest": row.manifest.digest}
    audit.record(actor=actor, action="distribution.delete_tag", subject=repository.part(tag), before=before)
    Manifest.objects.filter(pk=row.manifest_id).update(touched_at=timezone.now())
    row.delete()


@service("distribution.delete", action="distribution.delete", further=unless_own)
def delete_manifest(*, actor: Actor, repository: Repository, digest: str) -> None:
    """Delete it with its tags. Raises ManifestUnknown, or InUse if a tag of it is immutable or an index needs it."""
    manifests = Manifest.objects.told().filter(repository=keeping.locked(repository))
    manifest = manifests.filter(digest=check_digest(digest)).first()
    if manifest is None:
        raise ManifestUnknown(f"{repository.name} has no manifest {digest}")
    tags = sorted(manifest.tags.values_list("name", flat=True))
    keeping.check_mutable(repository, tags)
    _check_unused(repository, digest)
    audit.record(actor=actor, action="distribution.delete", subject=repository.part(digest), before={"tags": tags})
    manifest.delete()


@service("distribution.delete", further=unless_own)
def delete_blob(*, actor: Actor, repository: Repository, digest: str) -> None:
    """Take it out of the repository. Raises BlobUnknown, or InUse while a manifest needs it."""
    links = RepositoryBlob.objects.filter(repository=keeping.locked(repository))
    link = links.filter(blob__digest=check_digest(digest)).first()
    if link is None:
        raise BlobUnknown(f"{repository.name} has no blob {digest}")
    _check_unused(repository, digest)
    audit.record(actor=actor, action="distribution.delete_blob", subject=repository.part(digest))
    link.delete()


def _check_unused(repository: Repository, digest: str) -> None:
    user = Manifest.objects.told().filter(repository=repository, references__digest=digest).first()
    if user is not None:
        raise InUse(_("The manifest %(user)s needs it.") % {"user": user.digest}, hint=_("Delete that one first."))
