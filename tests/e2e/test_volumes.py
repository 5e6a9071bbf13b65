"""The volume pages: a volume is made, backed up, and shown; what is not used goes after a look at it."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.conftest import ARTIFACTS


def test_a_volume_is_made_backed_up_and_cleaned_up_by_hand(page: Page) -> None:
    page.goto("/volumes/create/")
    page.get_by_label("Name").fill("stock")
    page.get_by_label("Size").fill("64M")
    page.get_by_role("button", name="Create volume").click()
    expect(page.get_by_text("Done").first).to_be_visible()
    page.goto("/volumes/")
    row = page.locator("#volume-stock")
    expect(row).to_contain_text(re.compile("of 6[47]"))
    page.screenshot(path=ARTIFACTS / "volumes.png")
    row.get_by_role("link", name="stock").click()
    page.get_by_role("button", name="Back up", exact=True).click()
    expect(page.get_by_text("Done").first).to_be_visible()
    page.goto("/volumes/stock/")
    expect(page.get_by_text("by hand")).to_be_visible()
    page.screenshot(path=ARTIFACTS / "volume.png")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    page.screenshot(path=ARTIFACTS / "volume-dark-phone.png")
    page.goto("/volumes/")
    page.screenshot(path=ARTIFACTS / "volumes-dark-phone.png")
    page.goto("/volumes/prune/?with_named=on")
    expect(page.get_by_role("strong").filter(has_text="stock")).to_be_visible()
    page.screenshot(path=ARTIFACTS / "volumes-prune.png")
    page.get_by_role("button", name="Remove them").click()
    expect(page.get_by_text("Done").first).to_be_visible()
