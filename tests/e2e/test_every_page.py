"""Every page in light, dark and at phone width: it fits, each control has a name, the keyboard gets there."""

from typing import Literal

from playwright.sync_api import Page

from tests.e2e.conftest import ARTIFACTS
from tests.e2e.harbour import Harbour

PAGES = {
    "sign-out": "/accounts/logout/",
    "dashboard": "/",
    "containers": "/containers/",
    "no-match": "/containers/?search=nothing-has-this-name",
    "create": "/containers/create/",
    "images": "/images/",
    "upload": "/images/upload/",
    "pull": "/images/pull/?reference=debian",
    "registries": "/registries/",
    "registry-add": "/registries/add/",
    "credential-add": "/registries/credentials/add/",
    "registries-import": "/registries/import/",
    "bootstrap": "/images/bootstrap/",
    "own-registry": "/registry/",
    "namespace": "/registry/add/",
    "operations": "/operations/",
    "audit": "/audit/",
    "account": "/account/",
    "token": "/account/tokens/create/",
    "password": "/accounts/password/change/",
    "not-found": "/no/such/page/",
}
LOOKS: dict[str, tuple[int, int, Literal["light", "dark"]]] = {
    "light": (1280, 800, "light"),
    "dark": (1280, 800, "dark"),
    "phone": (360, 780, "light"),
}
NAMELESS = """() => [...document.querySelectorAll("button, a[href], input:not([type=hidden]), select, textarea")]
  .filter((e) => e.checkVisibility() || e.classList.contains("visually-hidden"))
  .filter((e) => !(e.innerText || e.textContent).trim() && !e.ariaLabel && !(e.labels?.length) && !e.title)
  .map((e) => e.outerHTML.slice(0, 120))"""
OVERFLOW = """() => Math.max(...[document.documentElement, ...document.querySelectorAll(".card")]
  .map((e) => e.scrollWidth - e.clientWidth))"""


def look_at(page: Page, name: str, address: str, *, prepare: str = "0") -> None:
    """Open a page, `prepare` it by a script, and see it in every look: it fits, each control has a name.

    Its pictures are kept.
    """
    page.goto(address)
    page.evaluate(prepare)
    for look, (width, height, scheme) in LOOKS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        Harbour(page, ARTIFACTS / "pages" / look).shot(name, full_page=True)
        assert page.evaluate(OVERFLOW) <= 0, f"{name} is wider than the window: {look}"
        assert page.evaluate(NAMELESS) == [], f"{name}: {look}"


def test_pages_fit_and_every_control_has_a_name(page: Page) -> None:
    for name, address in PAGES.items():
        look_at(page, name, address)


def test_the_keyboard_reaches_the_content_and_shows_where_it_is(harbour: Harbour) -> None:
    page = harbour.page
    page.goto("/containers/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_chosen_theme_wins_over_the_systems(harbour: Harbour) -> None:
    page = harbour.page
    page.emulate_media(color_scheme="light")
    page.goto("/account/")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    _choose(page, "Dark")
    dark = page.evaluate(background)
    _choose(page, "As the system")
    assert page.evaluate(background) == light != dark


def _choose(page: Page, theme: str) -> None:
    page.goto("/account/")
    page.locator("main").get_by_role("button", name=theme).click()
    page.wait_for_load_state()
