"""Lists in the browser: filtered while one types, sorted by their heads, and the address says what is shown."""

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Route, expect

from tests.e2e.harbour import Harbour
from tests.services.panel import Panel

NAMES = ["list-alpha", "list-beta", "list-gamma"]


@pytest.fixture
def three(panel: Panel, image: str) -> Iterator[None]:
    """Three containers that were never started."""
    ids = []
    for name in NAMES:
        status, operation = panel.request(
            "POST", "containers/", {"image": image, "name": name, "start": False}, wait_s=30
        )
        assert status == 200, operation
        ids.append(operation["object_id"])
    yield
    for container_id in ids:
        panel.request("DELETE", f"containers/{container_id}/", wait_s=30)


@pytest.mark.usefixtures("three")
def test_a_list_follows_what_is_typed_and_its_address_can_be_shared(harbour: Harbour) -> None:
    page = harbour.page
    page.goto("/containers/")
    page.evaluate("window.neverReloaded = true")
    names = page.locator("#list tbody .list-name > a")
    page.get_by_label("Search containers").fill("list-")
    expect(page).to_have_url(re.compile("search=list-"))
    expect(names).to_have_count(3)
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(names).to_have_text(NAMES)
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(names).to_have_text(NAMES[::-1])
    assert page.evaluate("window.neverReloaded")
    assert page.url.endswith("?search=list-&state=&sort=-name")
    page.reload()
    expect(names).to_have_text(NAMES[::-1])
    page.get_by_label("Search containers").fill("list-nothing")
    expect(page.locator("#list")).to_contain_text("Nothing matches")


@pytest.mark.usefixtures("three")
def test_a_refresh_that_is_late_does_not_undo_what_was_asked_meanwhile(harbour: Harbour) -> None:
    page = harbour.page
    page.goto("/containers/?search=list-")
    expect(page.locator("[data-link=live]")).to_be_visible()
    late: list[Route] = []
    page.route(lambda _: True, lambda route: _hold(route, late))
    page.locator("#list").dispatch_event("moorage:changed")
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    names = page.locator("#list tbody .list-name > a")
    expect(names).to_have_text(NAMES)
    assert late
    for route in late:
        with suppress(Error):  # the page has given it up
            route.continue_()
    page.wait_for_timeout(500)
    expect(names).to_have_text(NAMES)


def _hold(route: Route, late: list[Route]) -> None:
    """Keep the list's own refreshes."""
    if route.request.headers.get("hx-trigger") == "list":
        late.append(route)
    else:
        route.continue_()
