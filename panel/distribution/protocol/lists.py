"""What there is: repositories, tags, and what refers to a manifest."""

from urllib.parse import urlencode

from panel.distribution import content, documents
from panel.distribution.credentials import Visitor
from panel.distribution.errors import NameUnknown, SizeInvalid
from panel.distribution.models import Manifest
from panel.distribution.names import check_digest
from panel.distribution.protocol.messages import Answer, Call, document
from panel.distribution.protocol.permission import need_catalog, readable

MOST_AT_ONCE = 10_000


def catalog(call: Call, visitor: Visitor) -> Answer:
    """Names of the repositories the visitor may pull from, paged as Docker's registry does."""
    need_catalog(visitor)
    names, headers = _page(call, content.repositories(visitor.actor))
    return document(200, {"repositories": names}, headers)


def tags(call: Call, visitor: Visitor, name: str) -> Answer:
    """A repository's tags, paged by `n` and `last`."""
    names, headers = _page(call, content.tags(readable(visitor, name)))
    return document(200, {"name": name, "tags": names}, headers)


def referrers(call: Call, visitor: Visitor, name: str, digest: str) -> Answer:
    """An index of the manifests whose subject is `digest`; empty if there are none, or no such repository: here the
    specification has no 404."""
    wanted = call.asked("artifactType").replace(" ", "+")  # a type has no spaces: that was a `+`, not escaped
    subject = check_digest(digest)
    try:
        rows, has_more = content.referrers(readable(visitor, name), subject, wanted, call.asked("last"))
    except NameUnknown:
        rows, has_more = [], False
    headers = {"OCI-Filters-Applied": "artifactType"} if wanted else {}
    if has_more:
        query = {"last": rows[-1].digest} | ({"artifactType": wanted} if wanted else {})
        headers["Link"] = _link(call, query)
    index = {"schemaVersion": 2, "mediaType": documents.INDEX, "manifests": [_descriptor(row) for row in rows]}
    return document(200, index, headers, documents.INDEX)


def _descriptor(row: Manifest) -> dict[str, object]:
    told: dict[str, object] = {"mediaType": row.media_type, "size": row.size_bytes, "digest": row.digest}
    if row.artifact_type:
        told["artifactType"] = row.artifact_type
    if row.annotations:
        told["annotations"] = row.annotations
    return told


def _page(call: Call, names: list[str]) -> tuple[list[str], dict[str, str]]:
    """The names `n` and `last` ask for, and the header that leads on."""
    asked = call.asked("n")
    if asked and not asked.isdecimal():
        raise SizeInvalid(f"n is {asked[:20]!r}, not a count", field="n")
    most = min(int(asked[:9]), MOST_AT_ONCE) if asked else MOST_AT_ONCE
    page, has_more = content.after(names, call.asked("last"), most)
    if not (has_more and page):
        return page, {}
    return page, {"Link": _link(call, {"n": str(most), "last": page[-1]})}


def _link(call: Call, query: dict[str, str]) -> str:
    return f'<{call.path}?{urlencode(query)}>; rel="next"'
