"""The pages about the panel's own registry."""

from datetime import timedelta

import pytest
from django.utils import timezone

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.distribution.models import Manifest, Namespace, Repository, Rule, Tag
from tests.panel.browsing import signed_in
from tests.panel.distribution.conftest import digest_of


@pytest.fixture
def app(operator: User) -> Repository:
    """A repository of Olga's with two tags."""
    namespace = Namespace.objects.create(name="olga", owner=operator)
    place = Repository.objects.create(namespace=namespace, name="olga/app")
    for name in ("1.0", "1.1"):
        manifest = Manifest.objects.create(
            repository=place,
            digest=digest_of(name.encode()),
            size_bytes=2,
            total_bytes=4_200_000,
            platforms=["linux/amd64", "linux/arm64"],
            content=b"{}",
        )
        Tag.objects.create(repository=place, name=name, manifest=manifest, moved_by=operator)
    return place


def test_the_list_shows_what_one_may_pull(operator: User, viewer: User, app: Repository) -> None:
    assert ">olga/app</a>" in signed_in(operator).get("/registry/").content.decode()
    assert "olga" not in signed_in(viewer).get("/registry/").content.decode()
    for path in (f"/registry/{app.pk}/", "/registry/namespaces/olga/"):
        assert signed_in(viewer).get(path).status_code == 404
    Namespace.objects.update(visibility="internal")
    assert "olga/app" in signed_in(viewer).get("/registry/?search=AP&sort=-pushed").content.decode()
    assert "olga/app" not in signed_in(viewer).get("/registry/?search=other").content.decode()


def test_the_list_says_how_to_push_and_pull_whether_it_is_empty_or_not(
    operator: User, viewer: User, app: Repository
) -> None:
    for _ in range(2):
        page = signed_in(operator).get("/registry/").content.decode()
        assert 'data-copy="docker login -u olga testserver"' in page
        assert 'data-copy="docker push testserver/olga/busybox"' in page
        assert 'data-copy="docker push' not in signed_in(viewer).get("/registry/").content.decode()
        Repository.objects.all().delete()


def test_a_repository_shows_its_tags_and_how_to_pull_them(operator: User, app: Repository) -> None:
    page = signed_in(operator).get(f"/registry/{app.pk}/").content.decode()
    for text in ("docker pull testserver/olga/app:1.1", "linux/arm64", "4.2 MB", "olga", digest_of(b"1.0")[7:19]):
        assert text in page
    narrowed = signed_in(operator).get(f"/registry/{app.pk}/?search=1.1").content.decode()
    assert ("app:1.1" in narrowed, "app:1.0" in narrowed) == (True, False)


def test_tags_and_repositories_are_deleted_by_their_owner(operator: User, viewer: User, app: Repository) -> None:
    Namespace.objects.update(visibility="internal")
    assert signed_in(viewer).post(f"/registry/{app.pk}/tags/1.0/remove/").status_code == 403
    assert "/remove/" not in signed_in(viewer).get(f"/registry/{app.pk}/").content.decode()

    assert signed_in(operator).post(f"/registry/{app.pk}/tags/1.0/remove/").status_code == 302
    assert list(Tag.objects.values_list("name", flat=True)) == ["1.1"]
    Namespace.objects.update(immutable_tags=["1.*"])
    refused = signed_in(operator).post(f"/registry/{app.pk}/remove/", follow=True).content.decode()
    assert "The tag 1.1 is immutable." in refused
    Namespace.objects.update(immutable_tags=[])
    assert signed_in(operator).post(f"/registry/{app.pk}/remove/")["Location"] == "/registry/"
    assert not Repository.objects.exists()


def test_a_namespace_is_changed_by_its_owner(operator: User, app: Repository) -> None:
    client = signed_in(operator)
    form = client.get("/registry/namespaces/olga/change/").content.decode()
    assert ('name="owner"' in form, 'value="public"' in form) == (False, False)

    asked = {"visibility": "internal", "immutable_tags": "v* release-*", "untagged_days": "30"}
    assert client.post("/registry/namespaces/olga/change/", asked).status_code == 302

    row = Namespace.objects.get()
    assert (row.visibility, row.immutable_tags, row.untagged_days) == ("internal", ["v*", "release-*"], 30)
    assert row.owner == operator
    client.post("/registry/namespaces/olga/change/", asked | {"untagged_days": ""})
    assert Namespace.objects.get().untagged_days is None
    wrong = client.post("/registry/namespaces/olga/change/", asked | {"immutable_tags": "é"})
    assert (wrong.status_code, "is no pattern" in wrong.content.decode()) == (422, True)


def test_rules_are_set_shown_and_applied(operator: User, app: Repository) -> None:
    client = signed_in(operator)
    Tag.objects.filter(name="1.0").update(moved_at=timezone.now() - timedelta(days=9))
    names = ("repositories", "tags", "keep_last", "keep_days")
    rows = [("app", "1.*", "", "7"), ("", "", "", ""), ("", "x*", "2", "")]
    asked = {f"form-{n}-{name}": value for n, row in enumerate(rows) for name, value in zip(names, row, strict=True)}
    asked |= {"form-TOTAL_FORMS": "3", "form-INITIAL_FORMS": "0"}

    assert client.post("/registry/namespaces/olga/rules/", asked).status_code == 302

    assert list(Rule.objects.values_list(*names)) == [("app", "1.*", None, 7), ("*", "x*", 2, None)]
    page = client.get("/registry/namespaces/olga/").content.decode()
    assert ("olga/app:1.0" in page, "olga/app:1.1" in page) == (True, False)
    assert 'value="1.*"' in client.get("/registry/namespaces/olga/rules/").content.decode()
    done = client.post("/registry/namespaces/olga/retain/", follow=True).content.decode()
    assert "1 tag or manifest was deleted." in done
    assert list(Tag.objects.values_list("name", flat=True)) == ["1.1"]
    refused = client.post("/registry/namespaces/olga/rules/", asked | {"form-0-keep_days": ""})
    assert (refused.status_code, "The rule keeps nothing." in refused.content.decode()) == (422, True)


def test_namespaces_are_made_and_deleted_by_who_manages_them(admin: User, operator: User) -> None:
    assert signed_in(operator).get("/registry/add/").status_code == 403
    client = signed_in(admin)
    asked = {"name": "team", "owner": str(operator.pk), "group": "", "visibility": "public"}

    assert client.post("/registry/add/", asked)["Location"] == "/registry/namespaces/team/"

    assert Namespace.objects.get().owner == operator
    again = client.post("/registry/add/", asked)
    assert (again.status_code, "already" in again.content.decode()) == (422, True)
    assert signed_in(operator).post("/registry/namespaces/team/remove/").status_code == 403
    assert client.post("/registry/namespaces/team/remove/").status_code == 302
    assert not Namespace.objects.exists()
    actions = AuditEntry.objects.filter(outcome="allowed", object_kind="namespace").order_by("number")
    assert [row.action for row in actions] == ["distribution.create_namespace", "distribution.delete_namespace"]
