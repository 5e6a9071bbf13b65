"""Collects garbage: what nobody refers to goes, while others push.

In this order: uploads nobody went on with; links between a repository and a blob no manifest of it needs; blobs without
a link; files without a row; repositories with nothing in them. Whatever somebody asked for or brought within the grace
is left alone, since its manifest may be on its way. Each step leaves behind nothing the next run would not find.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.utils import timezone

from panel.distribution import keeping
from panel.distribution.errors import NameUnknown, UploadBusy, UploadUnknown
from panel.distribution.folder import storage
from panel.distribution.models import Blob, Manifest, ManifestReference, Repository, RepositoryBlob, Upload
from panel.distribution.storage import Storage

GRACE = timedelta(hours=24)
STRAY_AFTER = timedelta(hours=1)
"""A file gets its row within moments; one that has none after this long was left by a process that died."""


@dataclass
class Collected:
    """What went, or would go."""

    uploads: int = 0
    blobs: list[str] = field(default_factory=list)
    freed_bytes: int = 0
    repositories: list[str] = field(default_factory=list)


def would_collect(grace: timedelta = GRACE) -> Collected:
    """What a collection would take now; changes nothing."""
    before = timezone.now() - grace
    kept = RepositoryBlob.objects.filter(blob=OuterRef("pk")).exclude(pk__in=unused(before).values("pk"))
    blobs = Blob.objects.filter(~Exists(kept))
    return Collected(
        uploads=len(_abandoned(storage(), before.timestamp())),
        blobs=sorted(blobs.values_list("digest", flat=True)),
        freed_bytes=blobs.aggregate(total=Sum("size_bytes"))["total"] or 0,
    )


def collect(grace: timedelta = GRACE) -> Collected:
    """Collect; safe beside pushes and beside another collection."""
    found, place, before = Collected(), storage(), timezone.now() - grace
    for upload in _abandoned(place, before.timestamp()):
        found.uploads += _is_cancelled(place, upload)
    _forget_uploads(place, before)
    for repository in Repository.objects.filter(pk__in=unused(before).values("repository")):
        # Nobody pushes a manifest meanwhile that needs what goes.
        with suppress(NameUnknown), transaction.atomic():
            keeping.locked(repository)
            unused(before).filter(repository=repository).delete()
    with place.held(alone=True):
        _take_blobs(place, found)
    _take_strays(place, found)
    found.repositories = _take_empty(before)
    return found


def unused(before: datetime) -> QuerySet[RepositoryBlob]:
    """Links no manifest of their repository needs, of blobs nobody has asked for since `before`."""
    needed = ManifestReference.objects.filter(
        manifest__repository=OuterRef("repository"), digest=OuterRef("blob__digest")
    )
    return RepositoryBlob.objects.filter(~Exists(needed), touched_at__lt=before)


def _abandoned(place: Storage, before: float) -> list[str]:
    """Uploads that were not written since; those without a row were left by a process that died, or are just begun."""
    return [upload for upload, written_at in place.uploads() if written_at < before]


def _is_cancelled(place: Storage, upload: str) -> bool:
    """Whether it went; one that a request writes does not."""
    try:
        writer = place.write(upload)
    except (UploadBusy, UploadUnknown):
        return False
    place.cancel(upload)
    writer.close()
    return True


def _forget_uploads(place: Storage, before: datetime) -> None:
    here = {upload for upload, _at in place.uploads()}
    old = Upload.objects.filter(started_at__lt=before).values_list("pk", flat=True)
    Upload.objects.filter(pk__in=[pk for pk in old if str(pk) not in here]).delete()


def _take_blobs(place: Storage, found: Collected) -> None:
    """Rows first, and only when that is for good the files: a file too many is found again, one too few never."""
    with transaction.atomic():
        gone = Blob.objects.filter(repositories__isnull=True)
        rows = list(gone.values_list("digest", "size_bytes"))
        Blob.objects.filter(repositories__isnull=True).delete()
    for digest, size in rows:
        place.remove(digest)
        found.blobs.append(digest)
        found.freed_bytes += size


def _take_strays(place: Storage, found: Collected) -> None:
    """Files without a row. Without any row at all the database is a new one, and the files are all that is left."""
    if not Blob.objects.exists():
        return
    old = time.time() - STRAY_AFTER.total_seconds()
    stray = _without_row(digest for digest, came_at in place.blobs() if came_at < old)
    with place.held(alone=True):
        for digest in sorted(_without_row(stray)):  # one may have been pushed anew since
            place.remove(digest)
            found.blobs.append(digest)


def _without_row(digests: Iterable[str]) -> set[str]:
    wanted = list(digests)
    known: set[str] = set()
    for start in range(0, len(wanted), keeping.AT_ONCE):
        some = wanted[start : start + keeping.AT_ONCE]
        known.update(Blob.objects.filter(digest__in=some).values_list("digest", flat=True))
    return set(wanted) - known


def _take_empty(before: datetime) -> list[str]:
    """Repositories that got no manifest, or lost their last one."""
    rows = Repository.objects.filter(
        ~Exists(Manifest.objects.filter(repository=OuterRef("pk"))),
        ~Exists(RepositoryBlob.objects.filter(repository=OuterRef("pk"))),
        ~Exists(Upload.objects.filter(repository=OuterRef("pk"))),
        created_at__lt=before,
    )
    gone = []
    for repository in rows:
        with suppress(NameUnknown), transaction.atomic():
            row = keeping.locked(repository)
            if not (row.manifests.exists() or row.blobs.exists() or row.uploads.exists()):
                row.delete()
                gone.append(repository.name)
    return gone
