"""Uploads of blobs: `/v2/<name>/blobs/uploads/`, in one piece, in chunks, or taken from another repository."""

import re
from uuid import UUID

from panel.distribution import content, services
from panel.distribution.credentials import Visitor
from panel.distribution.errors import NameInvalid, NameUnknown, RangeInvalid, SizeInvalid, UploadUnknown
from panel.distribution.folder import storage
from panel.distribution.models import Repository, Upload
from panel.distribution.names import RepositoryName, check_digest
from panel.distribution.protocol.messages import Answer, Call, Receiving
from panel.distribution.protocol.permission import need, readable
from panel.distribution.protocol.problems import Challenged, span
from panel.distribution.storage import Writer

_CHUNK = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?")


def begin(call: Call, visitor: Visitor, name: str) -> Answer | Receiving:
    """Take the blob from another repository, or from this very request, or say where to send it."""
    need(visitor, name, "push")
    repository = RepositoryName.parse(name)
    mounted, whole = call.asked("mount"), call.asked("digest")
    for digest in filter(None, (mounted, whole)):
        check_digest(digest)
    if mounted and _is_mounted(visitor, repository, call.asked("from"), mounted):
        return _created(name, mounted)
    upload = services.begin_upload(actor=visitor.actor, repository=repository)
    if whole:
        return _receiving(call, visitor, repository, upload, whole)
    return Answer(202, headers=_headers(upload, name, 0))


def status(call: Call, visitor: Visitor, name: str, upload: str) -> Answer:
    """How much of it is here."""
    _repository, row = _found(visitor, name, upload)
    return Answer(204, headers=_headers(row, name, storage().length(str(row.pk))))


def append(call: Call, visitor: Visitor, name: str, upload: str) -> Receiving:
    """One chunk more; the whole blob, if its length is not said."""
    return _receiving(call, visitor, *_found(visitor, name, upload), digest="")


def complete(call: Call, visitor: Visitor, name: str, upload: str) -> Receiving:
    """The last chunk, perhaps without any bytes, and the digest of all."""
    repository, row = _found(visitor, name, upload)
    return _receiving(call, visitor, repository, row, check_digest(call.asked("digest")))


def cancel(call: Call, visitor: Visitor, name: str, upload: str) -> Answer:
    """Forget it."""
    repository, row = _found(visitor, name, upload)
    services.cancel_upload(actor=visitor.actor, repository=repository, upload=row)
    return Answer(204)


def _found(visitor: Visitor, name: str, upload: str) -> tuple[RepositoryName, Upload]:
    """The visitor's own upload into that repository. Raises UploadUnknown."""
    need(visitor, name, "push")
    repository = RepositoryName.parse(name)
    try:
        uploads = Upload.objects.filter(pk=UUID(upload), repository__name=name, user=visitor.actor.user)
    except ValueError:
        raise UploadUnknown("there is no such upload") from None
    row = uploads.select_related("repository").first()
    if row is None:
        raise UploadUnknown("there is no such upload")
    return repository, row


def _receiving(call: Call, visitor: Visitor, repository: RepositoryName, upload: Upload, digest: str) -> Receiving:
    """Have the body written at the upload's end; with a digest it is complete then."""
    writer = storage().write(str(upload.pk))
    try:
        expected = _check_chunk(call, writer.length)
    except Exception:
        writer.close()
        raise

    def finish() -> Answer:
        if digest:
            return _completed(visitor, repository, upload, writer, digest)
        return Answer(202, headers=_headers(upload, repository.name, writer.length))

    def abandon() -> None:
        services.cancel_upload(actor=visitor.actor, repository=repository, upload=upload)

    return Receiving(writer, finish, abandon, expected)


def _check_chunk(call: Call, length: int) -> int | None:
    """How many bytes are to come, if that is said. Raises RangeInvalid for a chunk that does not follow `length`."""
    told = call.headers.get("content-length", "")
    expected = int(told) if told.isdecimal() else None
    header = call.headers.get("content-range", "").strip()
    if not header:
        return expected
    match = _CHUNK.fullmatch(header)
    if match is None:
        raise RangeInvalid(f"Content-Range is {header[:80]!r}, not FIRST-LAST", length=length)
    first, last = int(match[1]), int(match[2])
    if first != length:
        raise RangeInvalid(f"the chunk begins at {first}, but {length} bytes are here", length=length)
    if expected not in (None, last - first + 1):
        raise SizeInvalid(f"Content-Range tells of {last - first + 1} bytes, Content-Length of {expected}")
    return last - first + 1


def _completed(visitor: Visitor, repository: RepositoryName, upload: Upload, writer: Writer, digest: str) -> Answer:
    writer.verify(digest)
    size = writer.length
    with storage().held():
        writer.publish(digest)
        services.add_blob(actor=visitor.actor, repository=repository, upload=upload, digest=digest, size_bytes=size)
    return _created(repository.name, digest)


def _is_mounted(visitor: Visitor, repository: RepositoryName, source: str, digest: str) -> bool:
    """Whether it could be taken from the repository `source`, or without one from any; if not, it is uploaded."""
    found = _named(visitor, source) if source else _any(visitor, digest)
    if found is None:
        return False
    with storage().held():
        return services.mount_blob(actor=visitor.actor, repository=repository, source=found, digest=digest)


def _named(visitor: Visitor, source: str) -> Repository | None:
    try:
        return readable(visitor, source)
    except (NameInvalid, NameUnknown, Challenged):
        return None


def _any(visitor: Visitor, digest: str) -> Repository | None:
    """One of those that have it, and that what the visitor showed is good for."""
    holders = content.holders(visitor.actor, digest)
    return next((each for each in holders if visitor.covers(f"repository:{each.name}", "pull")), None)


def _created(name: str, digest: str) -> Answer:
    return Answer(201, headers={"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})


def _headers(upload: Upload, name: str, length: int) -> dict[str, str]:
    return {
        "Location": f"/v2/{name}/blobs/uploads/{upload.pk}",
        "Range": span(length),
        "Docker-Upload-UUID": str(upload.pk),
    }
