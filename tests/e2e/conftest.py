"""A real browser: headless Chromium, one context per test; screenshots are kept under tests/artifacts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState, expect, sync_playwright

from tests.e2e.harbour import Harbour
from tests.images import busybox, docker_archive
from tests.services.panel import Panel

expect.set_options(timeout=15_000)  # a busy machine is slow, and waiting costs a passing test nothing

# Root needs --no-sandbox; there is no graphics card; nothing but the panel is to be talked to.
CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)
ARTIFACTS = Path(__file__).resolve().parents[1] / "artifacts"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The distribution's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def session(browser: Browser, panel: Panel) -> StorageState:
    """The cookies of someone who signed in as the first admin."""
    context = browser.new_context(base_url=panel.url)
    Harbour(context.new_page(), ARTIFACTS).sign_in("admin", panel.password)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def context(browser: Browser, panel: Panel, session: StorageState) -> Iterator[BrowserContext]:
    """A browser window as large as a laptop's, signed in as the first admin, with nothing else remembered."""
    context = browser.new_context(
        base_url=panel.url, viewport={"width": 1280, "height": 800}, locale="en-GB", storage_state=session
    )
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """One tab. A script that fails, or anything the content policy blocks, fails the test."""
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.extend(_policy_faults(message)))
    yield page
    assert faults == []


def _policy_faults(message: ConsoleMessage) -> list[str]:
    return [message.text] if re.search("Content Security Policy|Refused to", message.text) else []


@pytest.fixture(scope="session")
def image(panel: Panel) -> str:
    """The reference of an image that is loaded already."""
    status, operation = panel.request("POST", "images/load/", docker_archive(busybox("busybox:e2e")), wait_s=60)
    assert status == 200, operation
    return "busybox:e2e"


@pytest.fixture
def harbour(page: Page, request: pytest.FixtureRequest) -> Iterator[Harbour]:
    """What a person does in the panel, by name; the last thing seen is kept, which explains a failure."""
    harbour = Harbour(page, ARTIFACTS / request.node.name.split("[")[0])
    yield harbour
    harbour.leave()
