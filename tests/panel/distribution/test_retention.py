"""What a namespace's rules let go, and what may be done to namespaces."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.utils import timezone

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.distribution import governing
from panel.distribution.governing import Change, RuleValue
from panel.distribution.models import Manifest, ManifestReference, Namespace, Repository, Tag
from panel.distribution.retention import Gone
from panel.errors import Conflicting, Invalid, NotPermitted
from tests.panel.conftest import acting
from tests.panel.distribution.conftest import digest_of


@pytest.fixture
def namespace(operator: User) -> Namespace:
    """Olga's."""
    return Namespace.objects.create(name="olga", owner=operator)


def repository(namespace: Namespace, name: str) -> Repository:
    return Repository.objects.get_or_create(name=name, defaults={"namespace": namespace})[0]


def manifest(place: Repository, name: str, *, days: float = 0, **columns: Any) -> Manifest:
    """A manifest nobody touched for so many days."""
    at = timezone.now() - timedelta(days=days)
    return Manifest.objects.create(
        repository=place, digest=digest_of(name.encode()), touched_at=at, size_bytes=2, content=b"{}", **columns
    )


def tag(place: Repository, name: str, *, days: float = 0) -> Tag:
    """A tag that was moved so many days ago."""
    at = timezone.now() - timedelta(days=days)
    return Tag.objects.create(
        repository=place, name=name, manifest=manifest(place, f"{place}{name}", days=days), moved_at=at
    )


def change(user: User, namespace: Namespace, **values: Any) -> Namespace:
    return governing.change_namespace(actor=acting(user), namespace=namespace, change=Change(**values))


def retain(user: User, namespace: Namespace, *, is_dry_run: bool = False) -> Gone:
    return governing.retain(actor=acting(user), namespace=namespace, is_dry_run=is_dry_run)


def test_without_rules_everything_stays(operator: User, namespace: Namespace) -> None:
    tag(repository(namespace, "olga/app"), "old", days=5000)
    manifest(repository(namespace, "olga/app"), "untagged", days=5000)

    assert retain(operator, namespace) == Gone()
    assert not AuditEntry.objects.exists()


def test_a_tag_goes_that_rules_match_and_none_keeps(operator: User, namespace: Namespace) -> None:
    app, tool, other = (repository(namespace, f"olga/{name}") for name in ("app", "tool", "other"))
    for days in range(5):
        tag(app, f"build-{days}", days=days)
        tag(tool, f"build-{days}", days=days)
        tag(other, f"build-{days}", days=days)
    tag(app, "release", days=900)
    rules = [RuleValue("*o*l*", "build-*", keep_last=2), RuleValue("app", "build-*", keep_last=1, keep_days=3)]
    change(operator, namespace, rules=[*rules, RuleValue("app", "build-4", keep_days=10)])

    planned = retain(operator, namespace, is_dry_run=True)

    assert planned.tags == ["olga/app:build-3", "olga/tool:build-2", "olga/tool:build-3", "olga/tool:build-4"]
    assert Tag.objects.count() == 16
    assert retain(operator, namespace) == planned
    assert Tag.objects.count() == 12
    assert Manifest.objects.count() == 16
    row = AuditEntry.objects.get(action="distribution.retain")
    assert row.before is not None
    assert (row.actor_name, row.object_name, row.before["tag_count"]) == ("olga", "olga", 4)


def test_immutable_tags_stay_whatever_the_rules_say(operator: User, namespace: Namespace) -> None:
    app = repository(namespace, "olga/app")
    tag(app, "v1", days=99)
    tag(app, "x1", days=99)
    change(operator, namespace, rules=[RuleValue(keep_days=1)], immutable_tags=["v*"])

    assert retain(operator, namespace).tags == ["olga/app:x1"]


def test_untagged_manifests_go_after_their_days_with_what_depends_on_them(operator: User, namespace: Namespace) -> None:
    app = repository(namespace, "olga/app")
    kept_child, child = manifest(app, "kept child", days=9), manifest(app, "child", days=9)
    index, tagged_index = manifest(app, "index", days=9), tag(app, "1", days=9).manifest
    ManifestReference.objects.create(manifest=index, digest=child.digest)
    ManifestReference.objects.create(manifest=tagged_index, digest=kept_child.digest)
    manifest(app, "fresh", days=3)
    kept = manifest(app, "signature of 1", days=9, subject_digest=tagged_index.digest)
    signature = manifest(app, "signature of index", days=9, subject_digest=index.digest)
    change(operator, namespace, untagged_days=7)

    gone = retain(operator, namespace)

    assert set(gone.manifests) == {f"olga/app@{each.digest}" for each in (index, child, signature)}
    assert {kept, kept_child, tagged_index} < set(Manifest.objects.all())
    change(operator, namespace, keeps_untagged=True)
    assert Namespace.objects.get().untagged_days is None


def test_a_tag_that_goes_leaves_its_manifest_its_days(operator: User, namespace: Namespace) -> None:
    tag(repository(namespace, "olga/app"), "1", days=99)
    change(operator, namespace, rules=[RuleValue(keep_days=1)], untagged_days=7)

    gone = retain(operator, namespace)

    assert (gone.tags, gone.manifests) == (["olga/app:1"], [])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"rules": [RuleValue()]}, "rules.0"),
        ({"rules": [RuleValue(keep_last=-1)]}, "rules.0.keep_last"),
        ({"rules": [RuleValue(keep_days=1), RuleValue("", keep_last=1)]}, "rules.1.repositories"),
        ({"rules": [RuleValue(tags="a\0", keep_last=1)]}, "rules.0.tags"),
        ({"rules": [RuleValue(keep_last=1)] * 51}, "rules"),
        ({"visibility": "everybody"}, "visibility"),
        ({"immutable_tags": ["x" * 200]}, "immutable_tags"),
        ({"untagged_days": 10**6}, "untagged_days"),
    ],
)
def test_what_makes_no_sense_is_refused(operator: User, namespace: Namespace, values: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        change(operator, namespace, **values)

    assert refused.value.field == field


def test_an_owner_governs_but_does_not_open_or_give_away(
    operator: User, admin: User, viewer: User, namespace: Namespace
) -> None:
    change(operator, namespace, visibility="internal", immutable_tags=["v*", "v*"])
    for values in ({"visibility": "public"}, {"owners": (admin, None)}):
        with pytest.raises(NotPermitted):
            change(operator, namespace, **values)
    with pytest.raises(NotPermitted):
        change(viewer, namespace, visibility="internal")
    assert change(admin, namespace, visibility="public", owners=(None, Group.objects.get(name="viewer")))

    row = AuditEntry.objects.filter(action="distribution.change_namespace", outcome="allowed").latest("number")
    assert row.before is not None
    assert (row.before["visibility"], row.before["owner"], row.before["immutable_tags"]) == ("internal", "olga", ["v*"])
    change(admin, namespace, untagged_days=1)
    assert change(admin, namespace, visibility="public").visibility == "public"


def test_making_and_deleting_namespaces(admin: User, operator: User) -> None:
    with pytest.raises(NotPermitted):
        governing.create_namespace(actor=acting(operator), name="team")
    team = governing.create_namespace(actor=acting(admin), name="team", owner=operator)
    with pytest.raises(Conflicting):
        governing.create_namespace(actor=acting(admin), name="team")
    with pytest.raises(Invalid):
        governing.create_namespace(actor=acting(admin), name="team/x")
    app = repository(team, "team/app")
    tag(app, "v1")
    change(operator, team, immutable_tags=["v*"])
    with pytest.raises(Conflicting):
        governing.delete_namespace(actor=acting(admin), namespace=team)
    with pytest.raises(Conflicting):
        governing.delete_repository(actor=acting(operator), repository=app)
    change(operator, team, immutable_tags=[])
    governing.delete_repository(actor=acting(operator), repository=app)
    governing.delete_namespace(actor=acting(admin), namespace=team)

    assert not Namespace.objects.exists()
    assert not Manifest.objects.exists()


def test_the_command_applies_every_namespaces_rules(
    operator: User, namespace: Namespace, capsys: pytest.CaptureFixture[str]
) -> None:
    tag(repository(namespace, "olga/app"), "1", days=99)
    change(operator, namespace, rules=[RuleValue(keep_days=1)])

    call_command("registry", "retain", "--dry-run")
    assert Tag.objects.exists()
    call_command("registry", "retain")

    assert capsys.readouterr().out == "olga/app:1\n" * 2
    assert not Tag.objects.exists()
