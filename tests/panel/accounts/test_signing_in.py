"""Sign-ins, failed ones and sign-outs are rows in the audit log; nobody signs up."""

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from panel.accounts.models import User
from panel.audit.models import AuditEntry


def rows() -> list[tuple[str, str, str, str]]:
    columns = ("action", "actor_name", "outcome", "address")
    return list(AuditEntry.objects.order_by("number").values_list(*columns))


def sign_in(client: Client, password: str) -> int:
    form = {"login": "vera", "password": password}
    return client.post(reverse("account_login"), form, REMOTE_ADDR="192.0.2.5").status_code


def test_signing_in_and_out_is_written_down(viewer: User, client: Client) -> None:
    assert sign_in(client, "vera's password") == 302
    client.post(reverse("account_logout"), REMOTE_ADDR="192.0.2.5")

    assert rows() == [
        ("accounts.sign_in", "vera", "allowed", "192.0.2.5"),
        ("accounts.sign_out", "vera", "allowed", "192.0.2.5"),
    ]


def test_a_wrong_password_is_written_down_without_it(viewer: User, client: Client) -> None:
    assert sign_in(client, "not her password") == 200

    assert rows() == [("accounts.sign_in", "vera", "denied", "192.0.2.5")]
    assert "not her password" not in str(AuditEntry.objects.values().get())


def test_there_is_no_page_to_sign_up(client: Client) -> None:
    with pytest.raises(NoReverseMatch):
        reverse("account_signup")
