"""Who may open which page; what is refused is written down."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.pages.access import Page
from tests.panel.browsing import HTMX, signed_in

LISTS = ["/", "/containers/", "/images/", "/operations/", "/account/"]


def views(resolver: URLResolver) -> Iterator[type[Page]]:
    """Every page class there is an address for."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from views(entry)
        elif isinstance(entry, URLPattern):
            view = getattr(entry.callback, "view_class", None)
            if view is not None and view.__module__.endswith(".views") and view.__module__.startswith("panel."):
                yield view


def test_every_page_declares_its_permission_but_the_choice_of_a_language() -> None:
    undeclared = {view.__name__ for view in views(get_resolver()) if not hasattr(view, "permission_required")}
    assert undeclared == {"Language"}


@pytest.mark.django_db
@pytest.mark.parametrize("address", [*LISTS, "/audit/"])
def test_a_visitor_is_sent_to_the_sign_in_page(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/?next=")  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_part_that_asks_after_its_session_has_ended_sends_the_whole_page_away(client: Client) -> None:
    answer = client.get("/containers/", headers={**HTMX, "HX-Target": "list"})
    assert answer.headers["HX-Refresh"] == "true"
    assert answer.content == b""


@pytest.mark.parametrize("address", LISTS)
def test_a_viewer_sees_every_list(viewer: User, address: str) -> None:
    assert signed_in(viewer).get(address).status_code == 200


def test_the_audit_log_is_for_administrators(admin: User, viewer: User) -> None:
    assert signed_in(admin).get("/audit/").status_code == 200
    assert signed_in(viewer).get("/audit/").status_code == 403


def test_a_refused_page_is_a_row_of_the_audit_log(viewer: User) -> None:
    signed_in(viewer).get("/audit/")
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert (entry.actor, entry.action, entry.object_id, entry.outcome) == (viewer, "pages.open", "/audit/", "denied")


def test_a_stranger_may_sign_in_but_sees_no_list(stranger: User) -> None:
    browser = signed_in(stranger)
    assert browser.get("/").status_code == 200
    assert browser.get("/containers/").status_code == 403
    assert b'href="/containers/"' not in browser.get("/").content


@pytest.mark.django_db
def test_an_unknown_address_is_told_in_the_panels_own_words(client: Client) -> None:
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content


def test_pages_allow_no_inline_script_or_style(admin: User) -> None:
    browser = signed_in(admin)
    for address in [*LISTS, "/containers/create/", "/images/upload/", "/account/tokens/create/", "/audit/"]:
        answer = browser.get(address)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy
        assert "unsafe-eval" not in policy
        text = answer.content.decode()
        assert " style=" not in text, address
        assert " onclick=" not in text, address
        assert "<style" not in text, address
