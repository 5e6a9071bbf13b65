"""What the OCI distribution specification 1.1 asks of a registry, by workflow: push, pull, discovery, management.

The specification has a conformance suite of its own; each of its checks is one here, beside those drafts of the next
version ask for (several tags in one request).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from panel.audit.models import AuditEntry
from panel.distribution import content
from panel.distribution.documents import INDEX, MANIFEST
from panel.distribution.folder import storage
from panel.distribution.models import Manifest, RepositoryBlob, Upload
from panel.distribution.names import MOST_TAGS
from tests.panel.distribution.conftest import CONFIG, LAYER, Client, Reply, digest_of

pytestmark = pytest.mark.django_db(transaction=True)

REPOSITORY, UPLOADS = "/v2/olga/app", "/v2/olga/app/blobs/uploads/"
EMPTY_JSON = "application/vnd.oci.empty.v1+json"
KIND = "application/vnd.example.kind.v1"
ALGORITHMS = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


@dataclass
class Content:
    """What is to be pushed: blobs by digest, then manifests in order; `tags` and `subjects` name them by digest."""

    algorithm: str = "sha256"
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    referrers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def blob(self, media_type: str, data: bytes) -> dict[str, Any]:
        """Add a blob; its descriptor."""
        digest = digest_of(data, self.algorithm)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def image(self, name: str = "image", **members: Any) -> dict[str, Any]:
        """Add an image of two layers, if nothing else is said; its descriptor."""
        config = json.dumps({"os": "linux", "architecture": "amd64", "for": name}).encode()
        layers = [self.blob(LAYER, f"{name} {number}".encode()) for number in range(2)]
        return self.manifest({"config": self.blob(CONFIG, config), "layers": layers} | members)

    def artifact(self, kind: str = KIND, **members: Any) -> dict[str, Any]:
        """Add an artifact; its descriptor."""
        layer, config = self.blob(kind, b"words"), self.blob(EMPTY_JSON, b"{}")
        return self.manifest({"artifactType": kind, "config": config, "layers": [layer]} | members)

    def index(self, *manifests: dict[str, Any], **members: Any) -> dict[str, Any]:
        """Add an index; its descriptor."""
        return self.manifest({"mediaType": INDEX, "manifests": list(manifests)} | members)

    def manifest(self, value: dict[str, Any]) -> dict[str, Any]:
        """Add it; its descriptor, as lists of referrers have it."""
        value = {"schemaVersion": 2, "mediaType": MANIFEST, **value}
        data = json.dumps(value, indent=1).encode()
        digest = digest_of(data, self.algorithm)
        self.manifests[digest] = data
        told = {"mediaType": value["mediaType"], "digest": digest, "size": len(data)}
        kind = value.get("artifactType") or value.get("config", {}).get("mediaType")
        full = told | ({"artifactType": kind} if kind else {})
        full |= {"annotations": value["annotations"]} if "annotations" in value else {}
        if subject := value.get("subject"):
            self.referrers.setdefault(subject["digest"], []).append(full)
        return told

    def tagged(self, name: str, descriptor: dict[str, Any]) -> None:
        """Push that one under a tag too."""
        self.tags[name] = descriptor["digest"]


def plain(some: Content) -> None:
    some.tagged("image", some.image())
    some.tagged("no-layers", some.image("none", layers=[]))
    some.image("large", annotations={f"note-{n}": "A" * 10_000 for n in range(390)})
    some.tagged("custom", some.image("custom", **{"org.example": {"anything": ["at", {"all": None}]}}))


def indexes(some: Content) -> None:
    platforms = [{"os": "linux", "architecture": name} for name in ("amd64", "arm64")]
    images = [some.image(one["architecture"]) | {"platform": one} for one in platforms]
    some.tagged("index", some.index(*images))
    some.tagged("nested", some.index(some.index(*images, annotations={"a": "b"}), some.index(*images)))
    some.tagged("empty", some.index())


def artifacts(some: Content) -> None:
    some.tagged("artifact", some.artifact())
    some.tagged("bare", some.artifact(layers=[some.blob(EMPTY_JSON, b"{}")]))
    some.tagged("index", some.index(some.artifact(annotations={"n": "1"}), artifactType=KIND))
    some.tagged("data", some.artifact(layers=[some.blob(KIND, b"data") | {"data": "ZGF0YQ=="}]))


def layers_elsewhere(some: Content) -> None:
    nothing = {"digest": digest_of(b"elsewhere"), "size": 9, "urls": ["https://example.org/layer"]}
    kinds = ("oci.image.layer.nondistributable.v1.tar+gzip", "docker.image.rootfs.foreign.diff.tar.gzip")
    layers = [nothing | {"mediaType": f"application/vnd.{kind}"} for kind in kinds]
    some.tagged("foreign", some.image(layers=[*layers, some.blob(LAYER, b"here")]))


def subjects(some: Content) -> None:
    image, index = some.image(), some.index()
    some.image("signature", subject=image)
    for number in "12":
        some.tagged(f"artifact{number}", some.artifact(f"{KIND}{number}", annotations={"n": number}, subject=image))
    some.index(artifactType=KIND, annotations={"of": "an index"}, subject=index)
    some.index(annotations={"without": "a type"}, subject=index)


def subject_not_there(some: Content) -> None:
    missing = {"mediaType": MANIFEST, "digest": digest_of(b"not there yet"), "size": 123}
    some.tagged("early", some.artifact(subject=missing, annotations={"a": "b"}))


@pytest.mark.parametrize("fill", [plain, indexes, artifacts, layers_elsewhere, subjects, subject_not_there])
def test_what_is_pushed_is_listed_pulled_and_deleted(olga: Client, fill: Callable[[Content], None]) -> None:
    some = Content()
    fill(some)

    push(olga, some)
    check_lists(olga, some)
    check_pulls(olga, some)
    delete(olga, some)


def test_manifests_may_have_names_by_sha512(olga: Client) -> None:
    some = Content("sha512")
    some.index(some.image())

    push(olga, some)
    check_pulls(olga, some)
    delete(olga, some)


def push(client: Client, some: Content) -> None:
    for digest, data in some.blobs.items():
        assert client.ask("POST", f"{UPLOADS}?digest={digest}", data).status == 201
    for reference, digest in [*((digest, digest) for digest in some.manifests), *some.tags.items()]:
        data = some.manifests[digest]
        answer = client.push_manifest(data, reference, media_type=json.loads(data)["mediaType"])
        assert (answer.status, answer.headers["docker-content-digest"]) == (201, digest), answer.body
        assert answer.headers.get("oci-subject") == json.loads(data).get("subject", {}).get("digest")
        assert client.ask("GET", answer.headers["location"]).body == data


def check_lists(client: Client, some: Content) -> None:
    assert client.ask("GET", f"{REPOSITORY}/tags/list").json == {"name": "olga/app", "tags": sorted(some.tags)}
    for subject, wanted in some.referrers.items():
        assert referrers(client, subject) == ordered(wanted)
        for kind in {one.get("artifactType", "") for one in wanted} - {""}:
            answer = client.ask("GET", f"{REPOSITORY}/referrers/{subject}?artifactType={kind}")
            assert answer.headers["oci-filters-applied"] == "artifactType"
            assert ordered(answer.json["manifests"]) == ordered(
                [one for one in wanted if one.get("artifactType") == kind]
            )


def check_pulls(client: Client, some: Content) -> None:
    named = [(f"manifests/{tag}", digest) for tag, digest in some.tags.items()]
    named += [(f"manifests/{digest}", digest) for digest in some.manifests]
    named += [(f"blobs/{digest}", digest) for digest in some.blobs]
    for path, digest in named:
        data = some.blobs.get(digest, some.manifests.get(digest, b""))
        kind = json.loads(data)["mediaType"] if "manifests/" in path else "application/octet-stream"
        for method, body in (("GET", data), ("HEAD", b"")):
            answer = client.ask(method, f"{REPOSITORY}/{path}", accept=f"{MANIFEST}, {INDEX}")
            assert (answer.status, answer.body) == (200, body)
            assert answer.headers["content-type"] == kind
            assert answer.headers["content-length"] == str(len(data))
            assert answer.headers["docker-content-digest"] == digest


def delete(client: Client, some: Content) -> None:
    """Tags, then manifests from the last, then blobs; each is gone at once."""
    paths = [f"manifests/{name}" for name in [*some.tags, *reversed(some.manifests)]]
    for path in [*paths, *(f"blobs/{digest}" for digest in some.blobs)]:
        assert client.ask("DELETE", f"{REPOSITORY}/{path}").status == 202
        assert client.ask("HEAD", f"{REPOSITORY}/{path}").status == 404
        assert client.ask("DELETE", f"{REPOSITORY}/{path}").status == 404
    assert client.ask("GET", f"{REPOSITORY}/tags/list").json["tags"] == []


def referrers(client: Client, subject: str) -> list[dict[str, Any]]:
    answer = client.ask("GET", f"{REPOSITORY}/referrers/{subject}")
    assert (answer.status, answer.headers["content-type"]) == (200, INDEX)
    assert (answer.json["mediaType"], answer.json["schemaVersion"]) == (INDEX, 2)
    return ordered(answer.json["manifests"])


def ordered(descriptors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(descriptors, key=lambda one: str(one["digest"]))


# Blobs, each way they may be pushed


def at_once(client: Client, data: bytes, digest: str) -> Reply:
    return client.ask("POST", f"{UPLOADS}?digest={digest}", data)


def in_two_requests(client: Client, data: bytes, digest: str) -> Reply:
    return client.ask("PUT", f"{client.begin()}?digest={digest}", data)


def streamed(client: Client, data: bytes, digest: str) -> Reply:
    sent = client.ask("PATCH", client.begin(), iter([data]))
    assert sent.status == 202
    return client.ask("PUT", f"{sent.headers['location']}?digest={digest}")


def in_chunks(client: Client, data: bytes, digest: str, *, ends_with_bytes: bool = False) -> Reply:
    """Before each chunk one is sent that does not follow, and the registry asked where it is."""
    address, length = client.begin(), 1024
    assert client.ask("GET", address).headers["range"] == "0-0"
    for start in range(0, len(data), length):
        far = start + length if start + length < len(data) else max(0, start - length)
        answer = client.ask("PATCH", address, data[far : far + length], **span(far, data[far : far + length]))
        assert (answer.status, answer.word) == (416, "BLOB_UPLOAD_INVALID")
        at = client.ask("GET", address)
        assert (at.status, at.headers["range"]) == (204, f"0-{max(0, start - 1)}")
        chunk, address = data[start : start + length], at.headers["location"]
        if ends_with_bytes and start + length >= len(data):
            return client.ask("PUT", f"{address}?digest={digest}", chunk, **span(start, chunk))
        sent = client.ask("PATCH", address, chunk, **span(start, chunk))
        assert (sent.status, sent.headers["range"]) == (202, f"0-{start + len(chunk) - 1}")
        address = sent.headers["location"]
    return client.ask("PUT", f"{address}?digest={digest}")


def in_chunks_with_the_last(client: Client, data: bytes, digest: str) -> Reply:
    return in_chunks(client, data, digest, ends_with_bytes=True)


def span(start: int, chunk: bytes) -> dict[str, str]:
    return {"content_range": f"{start}-{start + len(chunk) - 1}"}


WAYS = pytest.mark.parametrize("way", [at_once, in_two_requests, streamed, in_chunks, in_chunks_with_the_last])
BLOB = (bytes(range(256)) * 12)[:-5]  # three chunks, the last a bit shorter


@WAYS
@ALGORITHMS
def test_a_blob_is_pushed(olga: Client, algorithm: str, way: Callable[[Client, bytes, str], Reply]) -> None:
    digest = digest_of(BLOB, algorithm)

    answer = way(olga, BLOB, digest)

    assert (answer.status, answer.headers["docker-content-digest"]) == (201, digest)
    assert olga.ask("GET", answer.headers["location"]).body == BLOB
    assert not Upload.objects.exists()


@WAYS
@ALGORITHMS
def test_a_wrong_digest_leaves_nothing(
    olga: Client, algorithm: str, way: Callable[[Client, bytes, str], Reply]
) -> None:
    digest = digest_of(BLOB, algorithm)

    answer = way(olga, BLOB + b"oh no", digest)

    assert (answer.status, answer.word) == (400, "DIGEST_INVALID")
    assert list(storage().uploads()) == list(storage().blobs()) == []
    assert olga.ask("HEAD", f"{REPOSITORY}/blobs/{digest}").status == 404


@pytest.mark.parametrize("data", [b"", b"{}"])
@ALGORITHMS
def test_blobs_that_every_client_knows(olga: Client, data: bytes, algorithm: str) -> None:
    some = Content(algorithm)
    some.blob("", data)

    push(olga, some)
    check_pulls(olga, some)
    delete(olga, some)


def test_an_upload_can_be_taken_back(olga: Client) -> None:
    address = olga.begin()
    olga.ask("PATCH", address, b"01234")

    assert olga.ask("DELETE", address).status == 204

    assert olga.ask("GET", address).word == "BLOB_UPLOAD_UNKNOWN"
    assert list(storage().uploads()) == []


def test_a_blob_is_mounted_from_another_repository(olga: Client) -> None:
    digest = olga.push_blob(b"shared", "olga/one")
    assert olga.ask("GET", f"{REPOSITORY}/blobs/{digest}").status == 404

    for name, query in (("olga/named", "&from=olga/one"), ("olga/any", "")):
        answer = olga.ask("POST", f"/v2/{name}/blobs/uploads/?mount={digest}{query}")
        assert (answer.status, answer.headers["location"]) == (201, f"/v2/{name}/blobs/{digest}")
        assert answer.headers["docker-content-digest"] == digest
        assert olga.ask("GET", answer.headers["location"]).body == b"shared"


def test_what_cannot_be_mounted_is_to_be_uploaded(olga: Client, ada: Client) -> None:
    secret = ada.push_blob(b"secret", "closed/one")
    olga.push_blob(b"other", "olga/one")
    for query in ("&from=closed/one", "&from=olga/one", "&from=not/there", "&from=../etc", ""):
        answer = olga.ask("POST", f"/v2/olga/two/blobs/uploads/?mount={secret}{query}")
        assert (answer.status, "location" in answer.headers) == (202, True), query
    assert olga.ask("HEAD", f"/v2/olga/two/blobs/{secret}").status == 404


def test_a_range_of_a_blob(olga: Client) -> None:
    digest = olga.push_blob(b"0123456789")
    for asked, status, told, body in (
        ("bytes=0-3", 206, "bytes 0-3/10", b"0123"),
        ("bytes=7-", 206, "bytes 7-9/10", b"789"),
        ("bytes=-2", 206, "bytes 8-9/10", b"89"),
        ("bytes=-99", 206, "bytes 0-9/10", b"0123456789"),
        ("bytes=8-99", 206, "bytes 8-9/10", b"89"),
        ("bytes=0-1,3-4", 200, None, b"0123456789"),
        ("chunks=1-2", 200, None, b"0123456789"),
        (f"bytes=0-{'9' * 5000}", 200, None, b"0123456789"),
        ("bytes=5-0", 416, "bytes */10", None),
        ("bytes=10-", 416, "bytes */10", None),
        ("bytes=50-99", 416, "bytes */10", None),
        ("bytes=-0", 416, "bytes */10", None),
    ):
        answer = olga.ask("GET", f"{REPOSITORY}/blobs/{digest}", range=asked)
        assert (answer.status, answer.headers.get("content-range")) == (status, told), asked
        assert body is None or (answer.body, answer.headers["content-length"]) == (body, str(len(body))), asked
        assert status == 416 or answer.headers["accept-ranges"] == "bytes"


# Manifests


def test_what_is_not_there_is_told_by_its_word(olga: Client) -> None:
    olga.push_image("1.0")
    nothing = digest_of(b"nothing")
    for path, word in (
        (f"olga/app/blobs/{nothing}", "BLOB_UNKNOWN"),
        ("olga/app/manifests/2.0", "MANIFEST_UNKNOWN"),
        (f"olga/app/manifests/{nothing}", "MANIFEST_UNKNOWN"),
        ("olga/app/manifests/.INVALID_MANIFEST_NAME", "MANIFEST_UNKNOWN"),
        ("olga/app/manifests/sha256:baddigeststring", "MANIFEST_UNKNOWN"),
        ("olga/other/manifests/1.0", "NAME_UNKNOWN"),
        ("olga/other/tags/list", "NAME_UNKNOWN"),
    ):
        answer = olga.ask("GET", f"/v2/{path}")
        assert (answer.status, answer.word) == (404, word), path
        assert olga.ask("HEAD", f"/v2/{path}").status in (404, 405), path


def test_a_manifest_under_a_digest_that_is_not_its_own_is_refused(olga: Client) -> None:
    image = olga.image()
    for digest in (digest_of(b"another"), "sha256:baddigeststring"):
        answer = olga.push_manifest(image, digest)
        assert (answer.status, answer.word) == (400, "DIGEST_INVALID")
    assert olga.push_manifest(b"not json", "sha256:totallywrong").status == 400


def test_one_request_pushes_a_manifest_under_several_tags(olga: Client) -> None:
    manifest = json.dumps(olga.image()).encode()
    digest, path = digest_of(manifest), f"{REPOSITORY}/manifests"

    answer = olga.ask("PUT", f"{path}/{digest}?tag=1&tag=1.0&tag=latest", manifest, content_type=MANIFEST)

    assert (answer.status, answer.headers["oci-tag"]) == (201, "1, 1.0, latest")
    assert olga.ask("GET", f"{REPOSITORY}/tags/list").json["tags"] == ["1", "1.0", "latest"]
    assert olga.ask("HEAD", f"{path}/1.0").headers["docker-content-digest"] == digest
    rows = AuditEntry.objects.filter(action="distribution.push").order_by("number")
    assert [row.object_name for row in rows] == ["olga/app:1", "olga/app:1.0", "olga/app:latest"]
    many = "&".join(f"tag={number}" for number in range(MOST_TAGS + 1))
    for query, status in ((many, 414), ("tag=2&tag=-a", 400)):
        assert olga.ask("PUT", f"{path}/{digest}?{query}", manifest, content_type=MANIFEST).status == status
    assert olga.ask("HEAD", f"{path}/2").status == 404


# Discovery


def test_tags_come_in_order_whatever_their_case_and_in_pages(olga: Client) -> None:
    for tag in ("b", "A", "c", "B", "1.0"):
        olga.push_image(tag)
    found, path = [], f"{REPOSITORY}/tags/list?n=2"
    while path:
        answer = olga.ask("GET", path)
        found.append(answer.json["tags"])
        link = answer.headers.get("link", "")
        assert not link or link.endswith('>; rel="next"')
        path = link.partition(">")[0].removeprefix("<")

    def tags(query: str) -> list[str]:
        return list(olga.ask("GET", f"{REPOSITORY}/tags/list{query}").json["tags"])

    assert tags("") == ["1.0", "A", "B", "b", "c"]
    assert found == [["1.0", "A"], ["B", "b"], ["c"]]
    assert (tags("?last=B"), tags("?n=1&last=B"), tags("?last=Bx")) == (["b", "c"], ["b"], ["c"])
    none = olga.ask("GET", f"{REPOSITORY}/tags/list?n=0")
    assert (none.json["tags"], "link" in none.headers) == ([], False)
    assert olga.ask("GET", f"{REPOSITORY}/tags/list?n=-1").status == 400
    assert tags("?n=99999999999999") == ["1.0", "A", "B", "b", "c"]


def test_what_nothing_refers_to_has_an_empty_index(olga: Client) -> None:
    assert referrers(olga, digest_of(b"unknown")) == []
    olga.push_image("1.0")

    assert referrers(olga, digest_of(b"unknown")) == []
    assert olga.ask("GET", f"{REPOSITORY}/referrers/latest").word == "DIGEST_INVALID"


def test_many_referrers_come_in_pages(olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "REFERRERS_AT_ONCE", 2)
    some = Content()
    image = some.image()
    for number in range(5):
        some.artifact(annotations={"n": str(number)}, subject=image)
    push(olga, some)
    found, path = [], f"{REPOSITORY}/referrers/{image['digest']}?artifactType={KIND}"
    while path:
        answer = olga.ask("GET", path)
        found += answer.json["manifests"]
        path = answer.headers.get("link", "").partition(">")[0].removeprefix("<")

    assert ordered(found) == ordered(some.referrers[image["digest"]])


# Management


def test_a_tag_is_deleted_alone_and_a_manifest_with_its_tags(olga: Client) -> None:
    digest = olga.push_image("1.0")
    for tag in ("1", "latest"):
        olga.push_image(tag)

    assert olga.ask("DELETE", f"{REPOSITORY}/manifests/1").status == 202
    assert olga.ask("GET", f"{REPOSITORY}/tags/list").json["tags"] == ["1.0", "latest"]
    assert olga.ask("DELETE", f"{REPOSITORY}/manifests/{digest}").status == 202

    assert olga.ask("GET", f"{REPOSITORY}/tags/list").json["tags"] == []
    rows = AuditEntry.objects.filter(action__startswith="distribution.delete").order_by("number")
    assert [(row.action, row.object_name, row.before) for row in rows] == [
        ("distribution.delete_tag", "olga/app:1", {"digest": digest}),
        ("distribution.delete", f"olga/app@{digest}", {"tags": ["1.0", "latest"]}),
    ]


def test_what_a_manifest_needs_is_not_deleted_before_it(olga: Client) -> None:
    child = olga.push_image("", b"the layer")
    size = Manifest.objects.get(digest=child).size_bytes
    index = {"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, "digest": child, "size": size}]}
    whole = olga.push_manifest(index, "all", media_type=INDEX).headers["docker-content-digest"]
    layer, image = f"{REPOSITORY}/blobs/{digest_of(b'the layer')}", f"{REPOSITORY}/manifests/{child}"
    for path, user in ((layer, child), (image, whole)):
        refused = olga.ask("DELETE", path)
        assert (refused.status, refused.word, user in refused.body.decode()) == (405, "UNSUPPORTED", True)
        assert refused.headers["allow"] == "GET, HEAD"

    for path in (f"{REPOSITORY}/manifests/{whole}", image, layer):
        assert olga.ask("DELETE", path).status == 202
        assert olga.ask("GET", path).status == 404
    assert RepositoryBlob.objects.count() == 1
