"""What a person does in the panel, said in a person's words, so that a test reads as a story."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError


class Harbour:
    """The panel in one browser tab; `shots` is where its pictures go."""

    def __init__(self, page: Page, shots: Path) -> None:
        self.page = page
        self.shots = shots

    def sign_in(self, name: str, password: str) -> None:
        """Through the sign-in page."""
        self.page.goto("/accounts/login/")
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name="Dashboard")).to_be_visible()

    def shot(self, name: str, *, full_page: bool = False) -> None:
        """Keep a picture."""
        self.shots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.shots / f"{name}.png", full_page=full_page)

    def leave(self) -> None:
        """Keep a picture of what was seen last, which explains a failure, and go; a second time does nothing."""
        if self.page.url == "about:blank":
            return
        try:
            self.shot("end")
        except PlaywrightTimeoutError as error:  # a picture that cannot be had of a busy page is no fault of the test's
            print(f"no picture of the end: {error}")
        self.page.goto("about:blank")

    def upload(self, archive: Path) -> Locator:
        """Choose an archive on the upload page and wait until it is loaded: its card."""
        self.page.goto("/images/upload/")
        self.page.locator("form[data-upload=now] input[type=file]").set_input_files(archive)
        card = self.page.locator("#uploads .note").first
        expect(card).to_have_class("note note-done", timeout=30_000)
        return card

    def create(self, *, image: str, name: str, command: str) -> None:
        """Through the form; ends on the container's page."""
        self.page.goto("/containers/create/")
        self.page.get_by_label("Image", exact=True).fill(image)
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Command").fill(command)
        self.page.get_by_role("button", name="Create container").click()
        expect(self.page.get_by_role("heading", name=name, exact=True)).to_be_visible()

    def state(self) -> Locator:
        """The badge beside the container's name."""
        return self.page.locator("#container-head .state").first

    def tab(self, name: str) -> None:
        """Open a tab of the container."""
        self.page.get_by_role("navigation", name="Container").get_by_role("link", name=name).click()
        self.page.wait_for_load_state()

    def remove(self) -> None:
        """Remove the container whose page is open, and confirm."""
        self.page.get_by_role("button", name="Remove").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
