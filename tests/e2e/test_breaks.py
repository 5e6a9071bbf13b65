"""What a person sees while a part of the panel dies under an open page."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.harbour import Harbour
from tests.services.panel import Panel

COUNTER = ["sh", "-c", "n=0; while :; do n=$((n+1)); echo number $n; sleep 0.1; done"]


@pytest.fixture
def counter(panel: Panel, image: str) -> Iterator[str]:
    """A container that counts, ten numbers a second: its id."""
    status, operation = panel.request("POST", "containers/", {"image": image, "command": COUNTER}, wait_s=30)
    assert status == 200, operation
    yield operation["object_id"]
    panel.request("DELETE", f"containers/{operation['object_id']}/?force=true", wait_s=30)


def test_an_open_log_misses_no_line_when_the_web_process_is_killed(
    harbour: Harbour, panel: Panel, counter: str
) -> None:
    page = harbour.page
    page.goto(f"/containers/{counter}/logs/")
    lines = page.locator(".logs-row > span")
    expect(lines.filter(has_text=re.compile(r"number 5$"))).to_be_visible()
    panel.kill("web")
    expect(page.locator("[data-part=state]")).to_have_text("Connection lost, trying again")
    harbour.shot("lost")
    expect(page.locator("[data-part=state]")).to_have_text("Live", timeout=30_000)
    expect(lines.filter(has_text="connected again")).to_be_visible()
    before = lines.count()
    expect(lines.nth(before + 10)).to_be_attached()
    numbers = [int(text.removeprefix("number ")) for text in lines.all_text_contents() if text.startswith("number ")]
    assert numbers == list(range(1, len(numbers) + 1))
    expect(page.locator("[data-link=live]")).to_be_visible(timeout=30_000)
    harbour.shot("again")
    panel.wait_ready()


def test_an_operation_asked_while_the_host_worker_is_away_is_done_when_it_is_back(
    harbour: Harbour, panel: Panel, counter: str
) -> None:
    page = harbour.page
    page.goto(f"/containers/{counter}/")
    panel.kill("host-worker")
    page.get_by_role("button", name="Kill").click()
    page.get_by_role("dialog").get_by_role("button", name="Kill").click()
    expect(page.locator("#toasts")).to_contain_text("Kill container")
    expect(harbour.state()).to_have_text("Stopped (137)", timeout=40_000)
    panel.wait_ready()
