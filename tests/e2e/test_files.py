"""Files of a container and a volume in the browser: uploaded, edited, moved, removed; with keys, on a phone."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.harbour import Harbour
from tests.e2e.test_every_page import look_at
from tests.e2e.test_rest import create, done
from tests.services.panel import Panel

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCRIPT = r"""
mkdir -p /hold/sub; printf 'one\ntwo\n' > /hold/notes.txt; ln -s sub /hold/link; ln -s gone /hold/dead
printf '#!/bin/sh\n# sets sail\nfor n in 1 2; do echo "port $n"; done\n' > /hold/start.sh
printf '\0\1' > /hold/binary; touch "$(printf '/hold/caf\351')" "/hold/<b>&amp;"; exec sleep 1000
"""


@pytest.fixture(scope="module")
def container(panel: Panel, image: str) -> Iterator[str]:
    """A container that runs, with files of all kinds."""
    made = create(panel, image, name="harbour-master", command=["sh", "-c", SCRIPT])
    yield made
    panel.request("DELETE", f"containers/{made}/?force=1", wait_s=30)


def row(page: Page, name: str) -> Locator:
    named = page.locator(".list-name > *", has_text=re.compile(f"^{re.escape(name)}$"))
    return page.locator("tr[data-entry]", has=named)


def test_files_are_uploaded_edited_moved_and_removed(harbour: Harbour, container: str, tmp_path: Path) -> None:
    page = harbour.page
    page.goto(f"/containers/{container}/")
    harbour.tab("Files")
    page.get_by_role("link", name="hold", exact=True).click()
    expect(page.locator(".files-way")).to_have_text(re.compile("harbour-master/hold"))
    expect(page.locator("tr[data-entry]")).to_have_count(8)
    page.get_by_role("button", name="New folder").click()
    page.get_by_label("Name", exact=True).fill("fresh")
    page.keyboard.press("Enter")
    expect(row(page, "fresh")).to_be_visible()

    sent = tmp_path / "picture.png"
    sent.write_bytes(PIXEL)
    page.locator("#chosen").set_input_files(sent)
    expect(row(page, "picture.png")).to_be_visible()
    page.locator("#chosen").set_input_files(sent)
    page.get_by_role("dialog").get_by_role("button", name="Replace").click()
    expect(page.locator(".files-send")).to_have_count(0)
    page.get_by_role("link", name="picture.png", exact=True).click()
    assert (
        page.locator(".files-picture img").evaluate("async (image) => (await image.decode(), image.naturalWidth)") == 1
    )

    page.goto(f"/containers/{container}/files/?path=/hold")
    page.get_by_role("link", name="notes.txt", exact=True).click()
    page.locator(".cm-content").fill("one\nthree\n")
    expect(page.locator("#saved")).to_have_text("Not saved yet")
    page.keyboard.press("Control+s")
    expect(page.locator("#saved")).to_have_text("Saved")
    page.locator(".cm-content").fill("one\nfour\n")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#saved")).to_have_text("Saved")
    page.get_by_role("link", name="Back to the folder").click()

    page.get_by_label("Choose notes.txt").check()
    page.get_by_role("button", name="Rename or move").click()
    page.get_by_label("New path").fill("/hold/sub/plan.txt")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(row(page, "notes.txt")).to_have_count(0)
    page.get_by_label("Choose sub").check()
    page.get_by_role("button", name="Remove", exact=True).last.click()
    expect(page.get_by_role("dialog")).to_contain_text("1 files and 1 folders")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row(page, "sub")).to_have_count(0)
    done_by_key(page)


def done_by_key(page: Page) -> None:
    """Up, down, choose and leave by the keyboard alone."""
    page.locator("tr[data-entry] a").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#selection")).to_contain_text("1 chosen")
    page.keyboard.press("Space")
    page.keyboard.press("Backspace")
    expect(page.locator(".files-way")).not_to_contain_text("hold")


def test_somebody_elses_change_is_told_and_kept(harbour: Harbour, panel: Panel, container: str) -> None:
    page = harbour.page
    panel.request("PUT", f"containers/{container}/files/content/?path=/contested&replaces=1", b"first\n", wait_s=30)
    page.goto(f"/containers/{container}/files/view/?path=/contested")
    panel.request("PUT", f"containers/{container}/files/content/?path=/contested&replaces=1", b"theirs\n", wait_s=30)
    page.locator(".cm-content").fill("mine\n")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("was changed since it was read")
    assert panel.request("GET", f"containers/{container}/files/view/?path=/contested")[1]["text"] == "theirs\n"


def test_the_pages_of_files_fit(page: Page, panel: Panel, container: str) -> None:
    done(panel, "POST", "volumes/", {"name": "charts"})
    panel.request("PUT", "volumes/charts/files/content/?path=/pixel.png&replaces=1", PIXEL, wait_s=30)
    pages = {
        "file-text": f"/containers/{container}/files/view/?path=/hold/start.sh",
        "volume-files": "/volumes/charts/files/",
        "file-image": "/volumes/charts/files/view/?path=/pixel.png",
    }
    for name, address in pages.items():
        look_at(page, name, address)
    choose = "document.querySelector('tr[data-entry] input').click()"
    look_at(page, "files", f"/containers/{container}/files/?path=/hold", prepare=choose)
    look_at(page, "files-access", page.url, prepare=f"{choose}; document.querySelector('[data-act=access]').click()")
