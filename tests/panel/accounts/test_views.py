"""A user's own account: language, theme, password, tokens; and the sign-in page."""

import re

import pytest
from django.test import Client

from panel.accounts.models import Token, User
from tests.panel.browsing import signed_in


@pytest.mark.django_db
def test_the_sign_in_page_speaks_the_language_that_was_chosen(client: Client) -> None:
    client.post("/account/language/", {"language": "zh-hans", "next": "/accounts/login/"})
    assert "登录" in client.get("/accounts/login/").content.decode()


@pytest.mark.django_db
def test_a_wrong_password_is_told_without_saying_which_half_was_wrong(client: Client, viewer: User) -> None:
    page = client.post("/accounts/login/", {"login": "vera", "password": "wrong"}).content.decode()
    assert 'role="alert"' in page
    assert "vera&#x27;s password" not in page


@pytest.mark.parametrize("address", ["/accounts/inactive/", "/accounts/reauthenticate/"])
def test_every_page_of_signing_in_is_the_panels_own(viewer: User, address: str) -> None:
    assert b'class="entrance"' in signed_in(viewer).get(address).content


def test_language_and_theme_are_kept_with_the_user(viewer: User) -> None:
    browser = signed_in(viewer)
    browser.post("/account/language/", {"language": "zh-hans"})
    browser.post("/account/theme/", {"theme": "dark"})
    page = browser.get("/").content.decode()
    assert 'lang="zh-hans"' in page
    assert 'data-bs-theme="dark"' in page
    assert browser.post("/account/theme/", {"theme": "pink"}).status_code == 400


def test_a_choice_never_leads_to_another_site(viewer: User) -> None:
    answer = signed_in(viewer).post("/account/theme/", {"theme": "dark", "next": "https://elsewhere.example/"})
    assert answer.url == "/"  # type: ignore[attr-defined]


def test_a_token_is_shown_once_and_works(viewer: User) -> None:
    browser = signed_in(viewer)
    given = {"name": "script", "days": "30", "scopes": ["containers.view"]}
    made = browser.post("/account/tokens/create/", given)
    found = re.search(r'data-copy="(moorage_[0-9a-zA-Z_]+)"', made.content.decode())
    assert found is not None
    secret = found[1]
    assert "no-store" in made.headers["Cache-Control"]
    assert secret not in browser.get("/account/").content.decode()
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    assert program.get("/api/v1/containers/").status_code == 200
    assert program.get("/api/v1/images/").status_code == 403


def test_a_token_cannot_be_asked_to_do_more_than_its_user(viewer: User) -> None:
    answer = signed_in(viewer).post("/account/tokens/create/", {"name": "x", "days": "", "scopes": ["audit.view"]})
    assert answer.status_code == 422
    assert not Token.objects.exists()


def test_only_ones_own_tokens_can_be_revoked(viewer: User, operator: User) -> None:
    row, _secret = Token.objects.create(user=operator, name="hers")
    assert signed_in(viewer).post(f"/account/tokens/{row.pk}/revoke/").status_code == 404
    signed_in(operator).post(f"/account/tokens/{row.pk}/revoke/")
    assert not Token.objects.exists()


def test_the_password_is_changed_on_a_page_of_the_panel(viewer: User) -> None:
    browser = signed_in(viewer)
    page = browser.get("/accounts/password/change/").content.decode()
    assert 'class="side"' in page
    given = {"oldpassword": "vera's password", "password1": "quiet-harbour-7", "password2": "quiet-harbour-7"}
    changed = browser.post("/accounts/password/change/", given, follow=True)
    assert changed.redirect_chain == [("/account/", 302)]
    assert b"Password successfully changed" in changed.content
    viewer.refresh_from_db()
    assert viewer.check_password("quiet-harbour-7")
