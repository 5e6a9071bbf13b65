"""Pushing and pulling: what is refused and how, and what is written down of it (the protocol: `test_conformance`)."""

import hashlib
import re

import pytest

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.distribution.documents import INDEX, LONGEST_BYTES, MANIFEST
from panel.distribution.folder import storage
from panel.distribution.models import Manifest
from tests.panel.distribution.conftest import CONFIG, LAYER, Client, digest_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_version_is_told_to_who_signed_in(olga: Client) -> None:
    answer = olga.ask("GET", "/v2/")

    assert (answer.status, answer.json) == (200, {})
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


def test_a_chunk_out_of_order_is_refused_and_changes_nothing(olga: Client) -> None:
    address = olga.begin()
    olga.ask("PATCH", address, b"01234", content_range="0-4")
    for chunk in ("0-2", "4-6", "6-8", "nonsense", f"5-{'7' * 5000}"):
        for method, path in (("PATCH", address), ("PUT", f"{address}?digest={digest_of(b'01234567')}")):
            answer = olga.ask(method, path, b"567", content_range=chunk)
            assert (answer.status, answer.word, answer.headers["range"]) == (416, "BLOB_UPLOAD_INVALID", "0-4")

    assert olga.ask("PATCH", address, b"567", content_range="5-7").headers["range"] == "0-7"


def test_a_chunk_of_another_length_than_told_is_refused(olga: Client) -> None:
    answer = olga.ask("PATCH", olga.begin(), b"01234", content_range="0-9")

    assert (answer.status, answer.word) == (400, "SIZE_INVALID")


def test_what_is_no_digest_is_refused(olga: Client) -> None:
    address = olga.begin()
    for digest in ("", "sha256:abc", "md5:" + "a" * 32, "sha256:" + "A" * 64, "sha256:../../x"):
        answer = olga.ask("PUT", f"{address}?digest={digest}", b"x")
        assert (answer.status, answer.word) == (400, "DIGEST_INVALID"), digest


def test_what_is_no_digest_is_refused_beside_one_that_is_to_be_mounted(olga: Client) -> None:
    weak = f"md5:{hashlib.md5(b'x').hexdigest()}"  # noqa: S324
    for digest in (weak, "shake_128:00", "sha256:../../x"):
        answer = olga.ask("POST", f"/v2/olga/app/blobs/uploads/?mount={digest_of(b'')}&digest={digest}", b"x")
        assert (answer.status, answer.word) == (400, "DIGEST_INVALID"), digest
    assert list(storage().uploads()) == []


def test_a_manifest_needs_what_it_refers_to(olga: Client) -> None:
    missing = {"mediaType": LAYER, "digest": digest_of(b"never pushed"), "size": 12}
    image = olga.image()
    other = olga.image(b"elsewhere", "olga/other")
    for manifest in (
        image | {"layers": [*image["layers"], missing]},
        image | {"config": missing | {"mediaType": CONFIG}},
        image | {"layers": other["layers"]},
        {"schemaVersion": 2, "manifests": [missing | {"mediaType": MANIFEST}]},
    ):
        answer = olga.push_manifest(manifest, "1.0")
        assert (answer.status, answer.word) == (400, "MANIFEST_BLOB_UNKNOWN")
    wrong_size = image | {"layers": [image["layers"][0] | {"size": 6}]}
    assert olga.push_manifest(wrong_size, "1.0").word == "SIZE_INVALID"
    assert not Manifest.objects.exists()


def test_what_is_no_manifest_is_refused(olga: Client) -> None:
    for content, media_type, word in (
        (b"not json", MANIFEST, "MANIFEST_INVALID"),
        (b"[]", MANIFEST, "MANIFEST_INVALID"),
        (b"[" * 100_000, MANIFEST, "MANIFEST_INVALID"),
        (b'{"mediaType": "application/other"}', MANIFEST, "MANIFEST_INVALID"),
        (b'{"schemaVersion": 2}', "", "MANIFEST_INVALID"),
        (b'{"schemaVersion": 1, "fsLayers": []}', "application/json", "MANIFEST_INVALID"),
        (b'{"layers": {}}', MANIFEST, "MANIFEST_INVALID"),
        (b'{"layers": [1]}', MANIFEST, "MANIFEST_INVALID"),
        (b'{"layers": [{"digest": "sha256:x", "size": 1}]}', MANIFEST, "DIGEST_INVALID"),
        (b'{"config": {"digest": "sha256:%s", "size": -1}}' % (b"a" * 64), MANIFEST, "MANIFEST_INVALID"),
        (b'{"config": {"digest": "sha256:%s", "size": true}}' % (b"a" * 64), MANIFEST, "MANIFEST_INVALID"),
        (b'{"artifactType": "a\\u0000b"}', MANIFEST, "MANIFEST_INVALID"),
        (b'{"annotations": {"a": 1}}', MANIFEST, "MANIFEST_INVALID"),
    ):
        answer = olga.push_manifest(content, "1.0", media_type=media_type)
        assert (answer.status, answer.word) == (400, word), content[:80]


def test_what_is_no_tag_is_refused(olga: Client) -> None:
    image = olga.image()
    for tag in ("-a", ".a", "a" * 129, "a%20b", "a%00", "%2e%2e"):
        assert olga.push_manifest(image, tag).word == "MANIFEST_INVALID", tag


def test_a_manifest_that_is_too_large_is_refused(olga: Client) -> None:
    filler = b'{"schemaVersion": 2, "x": "%s"}' % (b"x" * LONGEST_BYTES)

    answer = olga.push_manifest(filler, "1.0")

    assert (answer.status, answer.word) == (413, "MANIFEST_INVALID")


def test_a_manifest_of_an_unknown_kind_is_kept(olga: Client) -> None:
    kind = "application/vnd.example.thing.v3+json"

    assert olga.push_manifest({"anything": ["at", {"all": None}]}, "thing", media_type=kind).status == 201

    answer = olga.ask("GET", "/v2/olga/app/manifests/thing", accept=MANIFEST)
    assert (answer.headers["content-type"], answer.json) == (kind, {"anything": ["at", {"all": None}]})


def test_an_index_of_several_platforms(olga: Client) -> None:
    children = []
    for architecture in ("amd64", "arm64"):
        digest = olga.push_image("", architecture.encode(), annotations={"for": architecture})
        size = Manifest.objects.get(digest=digest).size_bytes
        platform = {"os": "linux", "architecture": architecture}
        children.append({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform})

    answer = olga.push_manifest({"schemaVersion": 2, "manifests": children}, "all", media_type=INDEX)

    assert answer.status == 201
    row = Manifest.objects.get(digest=answer.headers["docker-content-digest"])
    assert row.platforms == ["linux/amd64", "linux/arm64"]


def test_pushing_again_and_moving_a_tag(olga: Client) -> None:
    first = olga.push_image("latest", b"one")
    assert olga.push_image("latest", b"one") == first
    second = olga.push_image("latest", b"two")

    assert olga.ask("HEAD", "/v2/olga/app/manifests/latest").headers["docker-content-digest"] == second
    assert olga.ask("HEAD", f"/v2/olga/app/manifests/{first}").status == 200
    rows = list(AuditEntry.objects.filter(action="distribution.push").order_by("number"))
    assert [(row.actor_name, row.how, row.object_name) for row in rows] == [("olga", "token", "olga/app:latest")] * 3
    assert [row.before for row in rows] == [None, None, {"digest": first}]
    assert rows[2].after is not None
    assert rows[2].after["digest"] == second


def test_a_pull_is_written_down_once(olga: Client, operator: User) -> None:
    digest = olga.push_image("1.0")
    olga.ask("HEAD", "/v2/olga/app/manifests/1.0")
    olga.ask("GET", "/v2/olga/app/manifests/1.0")

    row = AuditEntry.objects.get(action="distribution.pull")
    assert (row.actor, row.object_name, row.after) == (operator, "olga/app:1.0", {"digest": digest, "tags": ["1.0"]})
    assert Manifest.objects.get(digest=digest).pulled_at


def test_what_is_no_name_is_refused(olga: Client) -> None:
    names = ["Olga/app", "olga/../etc", "olga//app", "olga/app_", "olga/.app", "/olga", "olga/%2e%2e/x", "olga/a%00"]
    for name in (*names, "o" * 256):
        assert olga.ask("POST", f"/v2/{name}/blobs/uploads/").word == "NAME_INVALID", name
        assert olga.ask("GET", f"/v2/{name}/tags/list").word == "NAME_INVALID", name
    told = olga.ask("GET", "/v2/Olga/tags/list").json["errors"][0]["message"]
    assert told == "'Olga' is not a repository's name. Such as team/app."


def test_addresses_and_methods_the_registry_does_not_have(olga: Client) -> None:
    assert olga.ask("GET", "/v2/olga/app").word == "UNSUPPORTED"
    answer = olga.ask("POST", "/v2/olga/app/manifests/1.0")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, PUT, DELETE")
    assert olga.ask("GET", "/v2x").status == 404


def test_a_host_name_that_is_not_the_panels_is_refused(olga: Client) -> None:
    assert olga.ask("GET", "/v2/", host="evil.example").status == 400


def test_an_upload_belongs_to_who_began_it(olga: Client, ada: Client) -> None:
    address = olga.begin()

    assert ada.ask("PATCH", address, b"x").word == "BLOB_UPLOAD_UNKNOWN"
    assert ada.ask("GET", address).word == "BLOB_UPLOAD_UNKNOWN"
    assert olga.ask("GET", re.sub("/app/", "/other/", address)).word == "BLOB_UPLOAD_UNKNOWN"
    assert olga.ask("GET", "/v2/olga/app/blobs/uploads/x").word == "BLOB_UPLOAD_UNKNOWN"
