"""Registries and credentials: who may do what, and where a secret is."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from panel.accounts.actors import Actor
from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.errors import Conflicting, Invalid, Missing, NotPermitted
from panel.hosts.models import Host
from panel.registries import services
from panel.registries.access import way_for
from panel.registries.models import Credential, Registry
from panel.secrets import vault
from panel.secrets.sealing import HostKey
from tests.panel.conftest import acting, make_user

SECRET = "correct-horse-7"


def keep(user: User, registry: str = "docker.io", **changes: Any) -> Credential:
    asked: dict[str, Any] = {"registry": registry, "username": "hub", "secret": SECRET}
    return services.add_credential(actor=acting(user), **asked | changes)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("docker.io", "docker.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        (" ghcr.io ", "ghcr.io"),
        ("localhost:5000", "localhost:5000"),
        ("http://[::1]:5000/v2/", "[::1]:5000"),
    ],
)
def test_a_registry_is_known_by_the_name_references_have(admin: User, written: str, name: str) -> None:
    assert services.add(actor=acting(admin), name=written).name == name


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ({"name": "registry"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a b.example"}, "name"),
        ({"name": "a.example/team"}, ""),
        ({"name": "a.example", "mirrors": ["mirror"]}, "mirrors[0]"),
        ({"name": "a.example", "ca_certificates": "none"}, "ca_certificates"),
    ],
)
def test_what_cannot_be_reached_names_its_field(admin: User, how: dict[str, Any], field: str) -> None:
    if not field:  # the path of an address is left out
        assert services.add(actor=acting(admin), name=how["name"]).name == "a.example"
        return
    with pytest.raises(Invalid) as refusal:
        services.add(actor=acting(admin), name=how.pop("name"), how=how)
    assert refusal.value.field == field


def test_a_registry_is_there_once_and_its_changes_are_written_down(admin: User) -> None:
    registry = services.add(actor=acting(admin), name="docker.io", how={"title": "Docker Hub"})
    with pytest.raises(Conflicting):
        services.add(actor=acting(admin), name="index.docker.io")

    services.change(actor=acting(admin), registry=registry, how={"mirrors": ["https://mirror.example/", " "]})

    assert Registry.objects.get().mirrors == ["https://mirror.example"]
    row: Any = AuditEntry.objects.get(action="registries.change")
    assert row.before | {"mirrors": ["https://mirror.example"]} == row.after


def test_only_an_admin_sets_up_registries_or_keeps_credentials_for_others(operator: User, admin: User) -> None:
    for call in (
        lambda: services.add(actor=acting(operator), name="docker.io"),
        lambda: keep(operator, is_own=False),
        lambda: keep(operator, is_own=False, group=Group.objects.get(name="operator")),
    ):
        with pytest.raises(NotPermitted):
            call()
    assert keep(operator).user == operator
    assert keep(admin, is_own=False).is_shared


def test_a_secret_is_nowhere_in_plain_text(operator: User) -> None:
    credential = keep(operator)
    services.change_secret(actor=acting(operator), credential=credential, secret=SECRET + "8")
    services.remove_credential(actor=acting(operator), credential=Credential.objects.get())

    rows = json.dumps(list(AuditEntry.objects.values("before", "after", "detail", "object_name")))
    assert SECRET not in rows
    assert "hub" in rows
    assert SECRET not in credential.secret
    assert SECRET not in repr(credential.opened())


def test_the_closest_credential_is_used(operator: User, viewer: User, admin: User) -> None:
    team = Group.objects.create(name="blue")
    operator.groups.add(team)
    shared = keep(admin, is_own=False, username="shared")
    teams = keep(admin, is_own=False, group=team, username="team")
    other = keep(admin, is_own=False, group=Group.objects.create(name="red"), username="other")

    assert way_for(acting(operator), "docker.io").credential == teams
    mine = keep(operator, username="mine")
    assert way_for(acting(operator), "docker.io").credential == mine
    assert way_for(Actor.system("the clock"), "docker.io").credential == shared
    assert way_for(acting(viewer), "docker.io").credential is None  # may not use any
    assert way_for(acting(operator), "ghcr.io").credential is None

    known = set(Credential.objects.all().visible_to(operator))
    assert known == {shared, teams, mine}
    assert set(Credential.objects.all().visible_to(admin)) == known | {other}


def test_a_credential_of_somebody_else_is_not_there(
    operator: User, admin: User, local: Host, host_key: HostKey
) -> None:
    theirs = keep(make_user("otto", "operator"))

    for call in (
        lambda: services.change_secret(actor=acting(operator), credential=theirs, secret="x"),
        lambda: services.remove_credential(actor=acting(operator), credential=theirs),
        lambda: services.check_credential(actor=acting(operator), credential=theirs),
        lambda: services.check_credential(actor=acting(admin), credential=theirs),
    ):
        with pytest.raises(Missing):
            call()
    services.remove_credential(actor=acting(admin), credential=theirs)
    assert not Credential.objects.exists()


def test_the_same_owners_older_secret_is_replaced(operator: User, admin: User) -> None:
    first = keep(operator)
    assert keep(operator, secret="newer").pk == first.pk
    assert keep(admin).pk != first.pk
    first.refresh_from_db()
    assert first.opened().password == "newer"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"secret": ""}, "secret"),
        ({"username": ""}, "username"),
        ({"username": "a:b"}, "username"),
        ({"secret": "a\nb"}, "secret"),
        ({"registry": "here"}, "name"),
    ],
)
def test_a_credential_nobody_could_sign_in_with_is_refused(operator: User, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        keep(operator, **changes)
    assert refusal.value.field == field
    assert not Registry.objects.exists()


def test_a_registry_that_is_switched_off_is_not_reached(admin: User) -> None:
    services.add(actor=acting(admin), name="docker.io", how={"is_enabled": False})
    with pytest.raises(Conflicting, match="switched off"):
        way_for(acting(admin), "docker.io")


def test_docker_logins_are_imported(operator: User) -> None:
    config = {
        "auths": {
            "https://index.docker.io/v1/": {"auth": "YWRhOnBhc3M6d29yZA=="},
            "ghcr.io": {"auth": "PHRva2VuPjo=", "identitytoken": "t0ken"},
            "quay.io": {},
        }
    }

    services.import_docker_config(actor=acting(operator), config=config)

    kept = {one.registry.name: one.opened() for one in Credential.objects.all()}
    assert (kept["docker.io"].username, kept["docker.io"].password) == ("ada", "pass:word")
    assert kept["ghcr.io"].identity_token == "t0ken"
    assert set(kept) == {"docker.io", "ghcr.io"}


@pytest.mark.parametrize("config", [{}, [], 5, {"auths": {"a.example": {"auth": "%"}}}, {"auths": {"quay.io": {}}}])
def test_what_docker_did_not_write_is_refused(operator: User, config: object) -> None:
    with pytest.raises(Invalid) as refusal:
        services.import_docker_config(actor=acting(operator), config=config)
    assert refusal.value.field == "text"


def test_all_secrets_move_to_a_new_key(operator: User, admin: User, capsys: pytest.CaptureFixture[str]) -> None:
    keep(operator)
    keep(admin)
    before = set(Credential.objects.values_list("secret", flat=True))

    for _ in range(vault.KEPT_KEYS + 1):
        call_command("rotate_secrets")

    assert "2 secrets" in capsys.readouterr().out
    assert before.isdisjoint(Credential.objects.values_list("secret", flat=True))
    assert {one.opened().password for one in Credential.objects.all()} == {SECRET}


def test_a_check_is_sealed_for_its_host_and_its_end_is_kept(operator: User, local: Host, host_key: HostKey) -> None:
    from panel.operations import records

    credential = keep(operator)
    operation = services.check_credential(actor=acting(operator), credential=credential)

    assert SECRET not in json.dumps(operation.payload)
    opened = json.loads(host_key.open(operation.payload["access"], bound_to=str(operation.pk)))
    assert opened["credentials"]["password"] == SECRET
    assert opened["registry"] == "docker.io"

    error = {"code": "unauthorized", "message": "the registry refused the password", "hint": ""}
    records.finished(host="local", operation=str(operation.pk), outcome="failed", error=error)
    credential.refresh_from_db()
    assert credential.check_error == "the registry refused the password"
    assert credential.last_used_at is not None


def test_nothing_is_sealed_for_a_host_without_a_key(operator: User, local: Host) -> None:
    with pytest.raises(Conflicting, match="has not told its key"):
        services.check_credential(actor=acting(operator), credential=keep(operator))
