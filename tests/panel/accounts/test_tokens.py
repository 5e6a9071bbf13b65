"""API tokens: shown once, narrowed, revoked, and only one's own."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from panel.accounts.models import Token, User
from panel.accounts.services import create_token, revoke_token
from panel.audit.models import AuditEntry
from panel.errors import Invalid, Missing
from tests.panel.conftest import acting, bearer, rest


def test_the_command_prints_a_token_that_works(admin: User, client: Client) -> None:
    out = StringIO()
    call_command("token", "create", "ada", "--name", "ci", stdout=out)

    answer = client.get("/api/v1/me/", headers={"Authorization": f"Bearer {out.getvalue().strip()}"})

    assert answer.json()["username"] == "ada"
    assert answer.json()["how"] == "token"


def test_the_secret_is_not_stored(admin: User) -> None:
    token, secret = create_token(actor=acting(admin), user=admin, name="t")

    assert secret.startswith("moorage_")
    assert secret not in json.dumps(Token.objects.filter(pk=token.pk).values().get(), default=str)


@pytest.mark.parametrize("arguments", [["nobody"], ["ada", "--scope", "containers.fly"]])
def test_the_command_refuses_who_and_what_does_not_exist(admin: User, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("token", "create", *arguments)


def test_a_scope_is_enforced(admin: User) -> None:
    client = rest(admin, "images.view")

    assert client.get("/api/v1/images/").status_code == 200
    assert client.get("/api/v1/containers/").status_code == 403
    assert client.get("/api/v1/me/").json()["permissions"] == ["images.view"]


def test_a_token_cannot_make_one_that_may_more(admin: User) -> None:
    client = rest(admin, "images.view")

    answer = client.post("/api/v1/tokens/", {"name": "more"}, content_type="application/json")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "scopes"


@pytest.mark.parametrize("token", ["moorage_" + "0" * 64, "nonsense", "é"])
def test_a_wrong_token_is_refused(admin: User, client: Client, token: str) -> None:
    answer = client.get("/api/v1/me/", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_is_refused(admin: User, client: Client) -> None:
    headers = bearer(admin)
    Token.objects.update(expiry=timezone.now() - timedelta(seconds=1))

    assert client.get("/api/v1/me/", headers=headers).status_code == 401


def test_the_token_of_an_inactive_user_is_refused(admin: User, client: Client) -> None:
    headers = bearer(admin)
    User.objects.update(is_active=False)

    assert client.get("/api/v1/me/", headers=headers).status_code == 401


def test_one_sees_and_revokes_only_ones_own(admin: User, operator: User) -> None:
    token, _secret = create_token(actor=acting(operator), user=operator, name="hers")
    client = rest(admin)

    assert [row["name"] for row in client.get("/api/v1/tokens/").json()["results"]] == ["test"]
    assert client.delete(f"/api/v1/tokens/{token.token_key}/").status_code == 404
    with pytest.raises(Missing):
        revoke_token(actor=acting(admin), token=token)
    with pytest.raises(Missing):
        create_token(actor=acting(admin), user=operator, name="for her")


def test_a_revoked_token_no_longer_works_and_both_steps_are_in_the_audit_log(operator: User) -> None:
    client = rest(operator)
    made = client.post("/api/v1/tokens/", {"name": "short"}, content_type="application/json").json()

    assert client.delete(f"/api/v1/tokens/{made['id']}/").status_code == 204
    assert Client(headers={"Authorization": f"Bearer {made['token']}"}).get("/api/v1/me/").status_code == 401
    actions = list(AuditEntry.objects.order_by("number").values_list("action", "object_name", "how"))
    assert actions == [("accounts.create_token", "short", "token"), ("accounts.revoke_token", "short", "token")]


def test_a_user_has_a_bounded_number_of_tokens(operator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panel.accounts.services.MOST_TOKENS", 1)
    create_token(actor=acting(operator), user=operator, name="one")

    with pytest.raises(Invalid):
        create_token(actor=acting(operator), user=operator, name="two")
