"""Blobs: `/v2/<name>/blobs/<digest>`, whole or a range of one."""

import re

from panel.distribution import content, services
from panel.distribution.credentials import Visitor
from panel.distribution.protocol.messages import BYTES, Answer, Call, FileAnswer
from panel.distribution.protocol.permission import found, need, readable
from panel.distribution.protocol.problems import problem

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def pull(call: Call, visitor: Visitor, name: str, digest: str) -> Answer | FileAnswer:
    """Its bytes, or the one range that `Range` asks for (RFC 9110, section 14)."""
    repository = readable(visitor, name)
    size = content.blob_size(repository, digest)
    wanted = asked_range(call.headers.get("range", ""), size)
    if wanted is not None and not wanted:
        return problem(416, "SIZE_INVALID", f"the blob has {size} bytes", {"Content-Range": f"bytes */{size}"})
    file = content.blob(repository, digest)
    if wanted is None:
        return FileAnswer(200, file, 0, size, _headers(digest))
    told = {"Content-Range": f"bytes {wanted.start}-{wanted.stop - 1}/{size}"}
    return FileAnswer(206, file, wanted.start, len(wanted), _headers(digest) | told)


def look(call: Call, visitor: Visitor, name: str, digest: str) -> Answer:
    """Whether it is there, and its size."""
    size = content.blob_size(readable(visitor, name), digest)
    return Answer(200, headers=_headers(digest) | {"Content-Length": str(size)}, content_type=BYTES)


def delete(call: Call, visitor: Visitor, name: str, digest: str) -> Answer:
    """Take it out of the repository."""
    need(visitor, name, "delete")
    services.delete_blob(actor=visitor.actor, repository=found(visitor, name), digest=digest)
    return Answer(202)


def asked_range(header: str, size: int) -> range | None:
    """The bytes a header `Range` asks for: empty if there are none such, or it ends before it begins; None for all,
    also where it is not understood or asks for several ranges."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    end = min(int(last), size - 1) if last else size - 1
    return range(int(first), end + 1)


def _headers(digest: str) -> dict[str, str]:
    return {"Docker-Content-Digest": digest, "ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
