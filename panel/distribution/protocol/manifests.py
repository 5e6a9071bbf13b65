"""Manifests: `/v2/<name>/manifests/<tag or digest>`."""

from panel.distribution import content, documents, services
from panel.distribution.credentials import Visitor
from panel.distribution.errors import ManifestTooLarge
from panel.distribution.models import Manifest, Repository
from panel.distribution.names import RepositoryName, check_reference
from panel.distribution.protocol.messages import Answer, Call
from panel.distribution.protocol.permission import found, need, readable


def pull(call: Call, visitor: Visitor, name: str, reference: str) -> Answer:
    """The manifest as it was pushed, whatever the client accepts; written down."""
    repository, manifest = _found(visitor, name, reference)
    content.pulled(visitor.actor, repository, reference, manifest)
    return _told(manifest)


def look(call: Call, visitor: Visitor, name: str, reference: str) -> Answer:
    """Whether it is there, and its digest; nobody has pulled it by that."""
    return _told(_found(visitor, name, reference)[1])


def push(call: Call, visitor: Visitor, name: str, reference: str) -> Answer:
    """Keep it, under further tags too if the query has some (`?tag=1&tag=1.0`). The body was read up to one byte more
    than a manifest may have."""
    need(visitor, name, "push")
    if len(call.body) > documents.LONGEST_BYTES:
        raise ManifestTooLarge(f"a manifest has {documents.LONGEST_BYTES} bytes at most")
    tags = tuple(call.query.get("tag", ()))
    manifest = services.push_manifest(
        actor=visitor.actor,
        repository=RepositoryName.parse(name),
        reference=reference,
        content=call.body,
        content_type=call.headers.get("content-type", ""),
        tags=tags,
    )
    headers = {"Location": f"/v2/{name}/manifests/{manifest.digest}", "Docker-Content-Digest": manifest.digest}
    if manifest.subject_digest:
        headers["OCI-Subject"] = manifest.subject_digest
    if tags:
        headers["OCI-Tag"] = ", ".join(tags)
    return Answer(201, headers=headers)


def delete(call: Call, visitor: Visitor, name: str, reference: str) -> Answer:
    """By digest the manifest with its tags; by tag only the tag."""
    need(visitor, name, "delete")
    repository = found(visitor, name)
    if ":" in check_reference(reference):
        services.delete_manifest(actor=visitor.actor, repository=repository, digest=reference)
    else:
        services.delete_tag(actor=visitor.actor, repository=repository, tag=reference)
    return Answer(202)


def _found(visitor: Visitor, name: str, reference: str) -> tuple[Repository, Manifest]:
    repository = readable(visitor, name)
    return repository, content.manifest(repository, reference)


def _told(manifest: Manifest) -> Answer:
    headers = {"Docker-Content-Digest": manifest.digest, "ETag": f'"{manifest.digest}"'}
    return Answer(200, bytes(manifest.content), headers, manifest.media_type)
