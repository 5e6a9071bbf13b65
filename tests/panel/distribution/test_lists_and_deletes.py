"""The registry's protocol: what there is, what refers to what, and how it is deleted."""

import json

import pytest

from panel.audit.models import AuditEntry
from panel.distribution import content
from panel.distribution.documents import INDEX, MANIFEST
from panel.distribution.models import Manifest, Namespace, RepositoryBlob
from tests.panel.distribution.conftest import LAYER, Client, Reply, digest_of

pytestmark = pytest.mark.django_db(transaction=True)

EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}


def attach(client: Client, subject: str, kind: str, **members: object) -> Reply:
    """Push an artifact that refers to `subject`, as oras attach does."""
    client.push_blob(b"{}")
    subject_descriptor = {"mediaType": MANIFEST, "digest": subject, "size": 1}
    artifact = {"schemaVersion": 2, "mediaType": MANIFEST, "config": EMPTY, "layers": [EMPTY]}
    return client.push_manifest(artifact | {"artifactType": kind, "subject": subject_descriptor} | members)


def test_tags_come_in_order_whatever_their_case(olga: Client) -> None:
    for tag in ("b", "A", "c", "B", "1.0"):
        olga.push_image(tag)

    answer = olga.ask("GET", "/v2/olga/app/tags/list")

    assert (answer.status, answer.json) == (200, {"name": "olga/app", "tags": ["1.0", "A", "B", "b", "c"]})


def test_tags_come_in_pages(olga: Client) -> None:
    for tag in ("a", "b", "c", "d", "e"):
        olga.push_image(tag)
    found, path = [], "/v2/olga/app/tags/list?n=2"
    while path:
        answer = olga.ask("GET", path)
        found.append(answer.json["tags"])
        link = answer.headers.get("link", "")
        assert not link or link.endswith('>; rel="next"')
        path = link.partition(">")[0].removeprefix("<")

    assert found == [["a", "b"], ["c", "d"], ["e"]]
    assert olga.ask("GET", "/v2/olga/app/tags/list?last=c").json["tags"] == ["d", "e"]
    none = olga.ask("GET", "/v2/olga/app/tags/list?n=0")
    assert (none.json["tags"], "link" in none.headers) == ([], False)
    assert olga.ask("GET", "/v2/olga/app/tags/list?n=-1").status == 400
    assert olga.ask("GET", "/v2/olga/app/tags/list?n=99999999999999").json["tags"] == ["a", "b", "c", "d", "e"]


def test_the_catalog_shows_what_one_may_pull(olga: Client, vera: Client, ada: Client) -> None:
    olga.push_image("1", name="olga/one")
    olga.push_image("1", name="olga/two")
    olga.begin("olga/empty")
    ada.push_image("1", name="closed/one")
    ada.push_image("1", name="open/one")
    Namespace.objects.filter(name="open").update(visibility="internal")

    def names(client: Client, query: str = "") -> list[str]:
        return list(client.ask("GET", f"/v2/_catalog{query}").json["repositories"])

    assert names(olga) == ["olga/one", "olga/two", "open/one"]
    assert names(vera) == ["open/one"]
    assert names(ada) == ["closed/one", "olga/one", "olga/two", "open/one"]
    page = ada.ask("GET", "/v2/_catalog?n=3")
    assert page.headers["link"] == '</v2/_catalog?n=3&last=olga%2Ftwo>; rel="next"'
    assert names(ada, "?n=3&last=olga%2Ftwo") == ["open/one"]


def test_referrers_are_listed_by_subject_and_kind(olga: Client) -> None:
    subject = olga.push_image("1.0")
    sbom = attach(olga, subject, "application/vnd.example.sbom", annotations={"made": "today"})
    attach(olga, subject, "application/vnd.example.signature")
    attach(olga, digest_of(b"another"), "application/vnd.example.sbom")

    assert (sbom.status, sbom.headers["oci-subject"]) == (201, subject)
    answer = olga.ask("GET", f"/v2/olga/app/referrers/{subject}")
    assert answer.headers["content-type"] == answer.json["mediaType"] == INDEX
    assert {one["artifactType"] for one in answer.json["manifests"]} == {
        "application/vnd.example.sbom",
        "application/vnd.example.signature",
    }
    some = olga.ask("GET", f"/v2/olga/app/referrers/{subject}?artifactType=application/vnd.example.sbom")
    digest = sbom.headers["docker-content-digest"]
    assert some.headers["oci-filters-applied"] == "artifactType"
    assert some.json["manifests"] == [
        {
            "mediaType": MANIFEST,
            "size": Manifest.objects.get(digest=digest).size_bytes,
            "digest": digest,
            "artifactType": "application/vnd.example.sbom",
            "annotations": {"made": "today"},
        }
    ]


def test_without_an_artifact_type_the_configuration_tells_it(olga: Client) -> None:
    subject = {"mediaType": MANIFEST, "digest": digest_of(b"not there yet"), "size": 1}
    image = olga.image()
    olga.push_manifest(image | {"subject": subject})
    olga.push_manifest({"schemaVersion": 2, "manifests": [], "subject": subject}, media_type=INDEX)

    rows = olga.ask("GET", f"/v2/olga/app/referrers/{subject['digest']}").json["manifests"]

    assert {row["mediaType"]: row.get("artifactType") for row in rows} == {
        MANIFEST: image["config"]["mediaType"],
        INDEX: None,
    }


def test_what_nothing_refers_to_has_an_empty_index(olga: Client) -> None:
    olga.push_image("1.0")

    answer = olga.ask("GET", f"/v2/olga/app/referrers/{digest_of(b'unknown')}")

    assert (answer.status, answer.json["manifests"]) == (200, [])
    assert olga.ask("GET", "/v2/olga/app/referrers/latest").word == "DIGEST_INVALID"


def test_many_referrers_come_in_pages(olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "REFERRERS_AT_ONCE", 2)
    subject = olga.push_image("1.0")
    made = {attach(olga, subject, "a/b", annotations={"n": str(n)}).headers["docker-content-digest"] for n in range(5)}
    found, path = set(), f"/v2/olga/app/referrers/{subject}?artifactType=a/b"
    while path:
        answer = olga.ask("GET", path)
        found |= {row["digest"] for row in answer.json["manifests"]}
        path = answer.headers.get("link", "").partition(">")[0].removeprefix("<")

    assert found == made


def test_a_tag_is_deleted_alone_and_a_manifest_with_its_tags(olga: Client) -> None:
    digest = olga.push_image("1.0")
    for tag in ("1", "latest"):
        olga.push_image(tag)

    assert olga.ask("DELETE", "/v2/olga/app/manifests/1").status == 202
    assert olga.ask("GET", "/v2/olga/app/tags/list").json["tags"] == ["1.0", "latest"]
    assert olga.ask("DELETE", f"/v2/olga/app/manifests/{digest}").status == 202

    assert olga.ask("GET", "/v2/olga/app/tags/list").json["tags"] == []
    assert olga.ask("GET", f"/v2/olga/app/manifests/{digest}").word == "MANIFEST_UNKNOWN"
    for path in ("manifests/1", f"manifests/{digest}", f"blobs/{digest_of(b'never')}"):
        assert olga.ask("DELETE", f"/v2/olga/app/{path}").status == 404
    rows = AuditEntry.objects.filter(action__startswith="distribution.delete").order_by("number")
    assert [(row.action, row.object_name, row.before) for row in rows] == [
        ("distribution.delete_tag", "olga/app:1", {"digest": digest}),
        ("distribution.delete", f"olga/app@{digest}", {"tags": ["1.0", "latest"]}),
    ]


def test_a_blob_is_deleted_once_no_manifest_needs_it(olga: Client) -> None:
    manifest = olga.push_image("1.0", b"the layer")
    layer = f"/v2/olga/app/blobs/{digest_of(b'the layer')}"

    refused = olga.ask("DELETE", layer)
    assert (refused.status, refused.word, manifest in refused.body.decode()) == (409, "DENIED", True)
    olga.ask("DELETE", f"/v2/olga/app/manifests/{manifest}")

    assert olga.ask("DELETE", layer).status == 202
    assert olga.ask("GET", layer).status == 404
    assert RepositoryBlob.objects.count() == 1


def test_a_part_of_an_index_is_not_deleted(olga: Client) -> None:
    child = olga.push_image("")
    size = Manifest.objects.get(digest=child).size_bytes
    index = {"schemaVersion": 2, "manifests": [{"mediaType": MANIFEST, "digest": child, "size": size}]}
    whole = olga.push_manifest(index, "all", media_type=INDEX).headers["docker-content-digest"]

    assert olga.ask("DELETE", f"/v2/olga/app/manifests/{child}").status == 409
    assert olga.ask("DELETE", f"/v2/olga/app/manifests/{whole}").status == 202
    assert olga.ask("DELETE", f"/v2/olga/app/manifests/{child}").status == 202


def test_an_immutable_tag_stays_where_it_is(olga: Client) -> None:
    digest = olga.push_image("v1", b"one")
    Namespace.objects.filter(name="olga").update(immutable_tags=["v*"])

    assert olga.push_image("v1", b"one") == digest
    moved = olga.push_manifest(olga.image(b"two"), "v1")
    assert (moved.status, moved.word) == (409, "DENIED")
    assert olga.ask("DELETE", "/v2/olga/app/manifests/v1").status == 409
    assert olga.ask("DELETE", f"/v2/olga/app/manifests/{digest}").status == 409
    assert olga.push_image("v2", b"two") != digest
    assert olga.push_image("latest", b"two") != olga.push_image("latest", b"three")


def test_an_artifact_like_those_of_oras_comes_back(olga: Client) -> None:
    text = json.dumps({"words": "hello"}).encode()
    olga.push_blob(b"{}")
    layer = {"mediaType": "application/json", "digest": olga.push_blob(text), "size": len(text)}
    layer |= {"annotations": {"org.opencontainers.image.title": "hello.json"}}
    artifact = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.words"}
    assert olga.push_manifest(artifact | {"config": EMPTY, "layers": [layer]}, "hello").status == 201

    manifest = olga.ask("GET", "/v2/olga/app/manifests/hello").json

    assert manifest["artifactType"] == "application/vnd.example.words"
    assert olga.ask("GET", f"/v2/olga/app/blobs/{manifest['layers'][0]['digest']}").body == text
    assert LAYER not in str(manifest)
