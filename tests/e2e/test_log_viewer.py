"""The log viewer under floods, breaks and hostile text; the far end of its WebSocket is the test's."""

import json
import time
from collections.abc import Iterator, Sequence

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e.harbour import Harbour
from tests.services.panel import Panel

WATCH_FRAMES = """() => {
  let last = performance.now();
  window.longest = 0;
  const tick = () => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  tick();
}"""
LINES = ".logs-row > span"
Line = tuple[int, str, str, bool]


class Source:
    """Stands where the panel's end of the WebSocket is."""

    def __init__(self, page: Page) -> None:
        self.sockets: list[WebSocketRoute] = []
        page.route_web_socket("**/logs/**", self.connected)

    def connected(self, socket: WebSocketRoute) -> None:
        """The page opened its WebSocket."""
        self.sockets.append(socket)

    def send(self, lines: Sequence[Line], cursor: str) -> None:
        """One batch."""
        self.sockets[-1].send(json.dumps({"cursor": cursor, "lines": lines}))

    def say(self, *texts: str, stream: str = "stdout", is_partial: bool = False, cursor: str = "c") -> None:
        """A batch of a few lines."""
        self.send([(time.time_ns(), stream, text, is_partial) for text in texts], cursor)


@pytest.fixture
def source(harbour: Harbour, panel: Panel, image: str) -> Iterator[Source]:
    """The log page of a container that was never started, connected to the test."""
    status, operation = panel.request("POST", "containers/", {"image": image, "start": False}, wait_s=30)
    assert status == 200, operation
    source = Source(harbour.page)
    harbour.page.goto(f"/containers/{operation['object_id']}/logs/")
    expect(harbour.page.locator("[data-part=state]")).to_have_text("Live")
    yield source
    harbour.leave()  # first: a page that is sent away while its socket is held here may hang the browser
    panel.request("DELETE", f"containers/{operation['object_id']}/", wait_s=30)


def test_fifty_thousand_lines_a_second_do_not_freeze_the_page(harbour: Harbour, source: Source) -> None:
    page = harbour.page
    page.evaluate(WATCH_FRAMES)
    started = time.monotonic()
    for batch in range(100):
        source.send([(time.time_ns(), "stdout", f"line {batch * 1000 + n}", False) for n in range(1000)], str(batch))
        page.wait_for_timeout(max(0.0, (started + (batch + 1) * 0.02 - time.monotonic()) * 1000))
    expect(page.locator(LINES).last).to_have_text("line 99999")
    assert page.evaluate("document.querySelectorAll('.logs-row').length") <= 5000
    assert page.evaluate("window.longest") < 1000
    expect(page.locator("[data-part=count]")).to_have_text("100,000 lines")


def test_what_a_container_writes_is_text_and_never_markup(harbour: Harbour, source: Source) -> None:
    page = harbour.page
    source.say(
        "<img src=x onerror='window.broken=1'>", "\x1b[31mred\x1b[0m \x1b]0;title\x07plain\x1b[2J", "50%\r100%\r\n"
    )
    rows = page.locator(LINES)
    expect(rows.nth(2)).to_have_text("100%")
    expect(rows.nth(0)).to_have_text("<img src=x onerror='window.broken=1'>")
    expect(rows.nth(1)).to_have_text("red plain")
    expect(rows.nth(1).locator(".ansi-31")).to_have_text("red")
    assert page.evaluate("window.broken") is None


def test_a_line_that_comes_in_pieces_is_one_row(harbour: Harbour, source: Source) -> None:
    source.say("password: ", is_partial=True)
    expect(harbour.page.locator(LINES)).to_have_text(["password: "])
    source.say("oops", stream="stderr")
    source.say("accepted")
    expect(harbour.page.locator(LINES)).to_have_text(["password: accepted", "oops"])


def test_scrolling_up_pauses_and_the_button_goes_back_to_the_newest_line(harbour: Harbour, source: Source) -> None:
    page = harbour.page
    source.say(*(f"line {n}" for n in range(2000)))
    expect(page.locator(LINES).last).to_have_text("line 1999")
    page.locator(".logs-view").hover()
    page.mouse.wheel(0, -600)
    expect(page.locator("[data-part=follow]")).to_have_attribute("aria-pressed", "false")
    source.say("newest")
    expect(page.locator("[data-part=new]")).to_have_text("1 new lines")
    page.locator("[data-part=more] button").click()
    expect(page.locator(LINES).last).to_have_text("newest")
    expect(page.locator("[data-part=follow]")).to_have_attribute("aria-pressed", "true")


def test_scrolling_back_reaches_the_oldest_line(harbour: Harbour, source: Source) -> None:
    page = harbour.page
    source.say(*(f"line {n}" for n in range(3000)))
    expect(page.locator(LINES).last).to_have_text("line 2999")
    page.locator(".logs-view").hover()
    for _ in range(60):
        page.mouse.wheel(0, -4000)
        page.wait_for_timeout(30)
        if page.locator(LINES).first.text_content() == "line 0":
            break
    expect(page.locator(LINES).first).to_have_text("line 0")


def test_the_filter_shows_matching_lines_and_marks_them(harbour: Harbour, source: Source) -> None:
    page = harbour.page
    source.say("GET /index", "POST /form", "get /other")
    page.get_by_label("Filter lines").fill("get")
    expect(page.locator(LINES)).to_have_text(["GET /index", "get /other"])
    expect(page.locator(".logs-row mark")).to_have_text(["GET", "get"])
    source.say("nothing", "widget")
    expect(page.locator(LINES)).to_have_text(["GET /index", "get /other", "widget"])


def test_after_a_break_it_goes_on_at_the_cursor_and_says_so(harbour: Harbour, source: Source) -> None:
    page = harbour.page
    source.say("before", cursor="seg 1+5")
    expect(page.locator(LINES).first).to_have_text("before")
    source.sockets[-1].close(code=1013)
    expect(page.locator(LINES).nth(1)).to_contain_text("the connection was lost")
    expect(page.locator(LINES).nth(2)).to_contain_text("connected again")
    assert source.sockets[-1].url.endswith("?after=seg%201%2B5")
    source.say("after")
    expect(page.locator(LINES).last).to_have_text("after")
