"""`/api/v1/registry/`."""

import pytest

from panel.accounts.models import User
from panel.distribution.models import Manifest, Namespace, Repository, Tag
from tests.panel.conftest import rest
from tests.panel.distribution.conftest import digest_of

NAMESPACES = "/api/v1/registry/namespaces/"
REPOSITORIES = "/api/v1/registry/repositories/"
JSON = "application/json"


@pytest.fixture
def app(operator: User) -> Repository:
    """A repository of Olga's with two tags of one manifest."""
    namespace = Namespace.objects.create(name="olga", owner=operator)
    place = Repository.objects.create(namespace=namespace, name="olga/app")
    manifest = Manifest.objects.create(
        repository=place, digest=digest_of(b"1"), size_bytes=2, total_bytes=42, platforms=["linux/amd64"], content=b"{}"
    )
    for name in ("1.0", "1.1"):
        Tag.objects.create(repository=place, name=name, manifest=manifest, moved_by=operator)
    return place


def test_repositories_and_tags_are_listed(operator: User, viewer: User, app: Repository) -> None:
    client = rest(operator)

    (row,) = client.get(REPOSITORIES, {"search": "app", "namespace": "olga", "order": "-pushed_at"}).json()["results"]
    assert (row["name"], row["namespace"], row["tag_count"]) == ("olga/app", "olga", 2)
    tags = client.get(f"{REPOSITORIES}{app.pk}/tags/").json()
    assert [tag["name"] for tag in tags["results"]] == ["1.1", "1.0"]
    told = tags["results"][0]
    assert (told["digest"], told["size_bytes"], told["pushed_by"]) == (digest_of(b"1"), 42, "olga")
    assert client.get(f"{REPOSITORIES}{app.pk}/tags/?search=1.0").json()["count"] == 1
    assert rest(viewer).get(REPOSITORIES).json()["count"] == 0
    assert rest(viewer).get(f"{REPOSITORIES}{app.pk}/tags/").status_code == 404


def test_tags_manifests_and_repositories_are_deleted(operator: User, app: Repository) -> None:
    client = rest(operator)

    assert client.delete(f"{REPOSITORIES}{app.pk}/tags/1.0/").status_code == 204
    assert client.delete(f"{REPOSITORIES}{app.pk}/tags/1.0/").json()["code"] == "not-found"
    Namespace.objects.update(immutable_tags=["1.*"])
    assert client.delete(f"{REPOSITORIES}{app.pk}/manifests/{digest_of(b'1')}/").status_code == 409
    Namespace.objects.update(immutable_tags=[])
    assert client.delete(f"{REPOSITORIES}{app.pk}/manifests/{digest_of(b'1')}/").status_code == 204
    assert client.delete(f"{REPOSITORIES}{app.pk}/").status_code == 204
    assert not Repository.objects.exists()


def test_a_namespace_is_made_changed_and_deleted(admin: User, operator: User, viewer: User) -> None:
    client, own = rest(admin), rest(operator)
    assert own.post(NAMESPACES, {"name": "team"}, JSON).status_code == 403
    made = client.post(NAMESPACES, {"name": "team", "owner": "olga", "visibility": "internal"}, JSON)
    assert (made.status_code, made.json()["owner"], made.json()["rules"]) == (201, "olga", [])
    assert client.post(NAMESPACES, {"name": "Team/"}, JSON).json()["errors"][0]["field"] == "name"
    rule = {"repositories": "*", "tags": "build-*", "keep_last": 10, "keep_days": None}

    changed = own.patch(f"{NAMESPACES}team/", {"rules": [rule], "immutable_tags": ["v*"], "untagged_days": 7}, JSON)

    assert changed.status_code == 200
    told = changed.json()
    assert (told["rules"], told["immutable_tags"], told["untagged_days"]) == ([rule], ["v*"], 7)
    again = own.patch(f"{NAMESPACES}team/", {"untagged_days": None}, JSON).json()
    assert (again["untagged_days"], again["rules"], again["visibility"]) == (None, [rule], "internal")
    assert own.patch(f"{NAMESPACES}team/", {"visibility": "public"}, JSON).status_code == 403
    assert own.patch(f"{NAMESPACES}team/", {"owner": "vera"}, JSON).status_code == 403
    assert rest(viewer).patch(f"{NAMESPACES}team/", {"untagged_days": 1}, JSON).status_code == 403
    assert client.patch(f"{NAMESPACES}team/", {"group": "viewer"}, JSON).json()["group"] == "viewer"
    wrong = own.patch(f"{NAMESPACES}team/", {"rules": [{"tags": "x"}]}, JSON)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "rules.0")
    assert client.delete(f"{NAMESPACES}team/").status_code == 204


def test_rules_are_tried_and_applied(operator: User, app: Repository) -> None:
    client = rest(operator)
    client.patch(f"{NAMESPACES}olga/", {"rules": [{"keep_last": 1}]}, JSON)

    planned = client.post(f"{NAMESPACES}olga/retain/?dry_run=true").json()

    assert (planned, Tag.objects.count()) == ({"tags": ["olga/app:1.0"], "manifests": []}, 2)
    assert client.post(f"{NAMESPACES}olga/retain/").json() == planned
    assert Tag.objects.get().name == "1.1"
