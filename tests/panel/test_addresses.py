"""Every page is behind a declared permission; what is open to visitors is open on purpose."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from panel.pages.access import Page

VISITORS_MAY = {
    "healthz",
    "account_login",
    "account_logout",
    "account_inactive",
    "account_reauthenticate",  # allauth's own pages see to the sign-in themselves
    "account_change_password",
    "accounts:language",
    "accounts:theme",
}


def patterns(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            if str(entry.pattern) != "api/v1/":  # tests/panel/rest/test_permissions.py
                yield from patterns(entry, inner)
        else:
            yield f"{namespace}{entry.name}", entry


@pytest.mark.parametrize(("name", "pattern"), list(patterns(get_resolver())), ids=str)
def test_a_page_declares_its_permission(name: str, pattern: URLPattern) -> None:
    view = getattr(pattern.callback, "view_class", None)

    assert name in VISITORS_MAY or (view is not None and issubclass(view, Page))


def test_a_visitor_is_sent_to_the_sign_in_page(db: None, client: Client) -> None:
    for path in ("/", "/containers/", "/images/", "/operations/", "/audit/"):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/accounts/login/")
