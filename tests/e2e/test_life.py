"""A container that is paused, changed, unhealthy or fails, as a person sees it; and the clean-up afterwards."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.harbour import Harbour
from tests.e2e.test_every_page import look_at
from tests.services.panel import Panel

UNFOLD = "document.querySelectorAll('details.more').forEach((section) => { section.open = true })"
FAILS = "sh -c 'echo opening the door; echo no such door >&2; exit 3'"


def create(panel: Panel, image: str, **spec: Any) -> str:
    """A container that was asked for over REST: its id."""
    status, operation = panel.request("POST", "containers/", {"image": image, **spec}, wait_s=30)
    assert status == 200, operation
    return str(operation["object_id"])


@pytest.fixture(scope="module")
def well_and_ill(panel: Panel, image: str) -> Iterator[dict[str, str]]:
    """Containers in states that are seldom: by what they show."""
    sleep = ["sleep", "1000"]
    check = {"interval_s": 0.2, "retries": 1, "timeout_s": 5}
    made = {
        "unhealthy": create(
            panel, image, name="ill", command=sleep, health={"test": ["CMD-SHELL", "echo no; false"], **check}
        ),
        "healthy": create(panel, image, name="well", command=sleep, health={"test": ["CMD", "true"], **check}),
        "paused": create(panel, image, name="still", command=sleep),
        "ended": create(
            panel,
            image,
            name="ended",
            command=["sh", "-c", "seq 30; exit 1"],
            restart={"name": "on-failure", "max_retries": 1},
            mounts=[{"type": "volume", "source": "e2e-data", "target": "/data"}],
            resources={"memory_bytes": 64 << 20, "cpus": 0.5},
        ),
    }
    assert panel.request("POST", f"containers/{made['paused']}/pause/", wait_s=30)[0] == 200
    panel.request("GET", f"containers/{made['ended']}/wait/", wait_s=30)
    yield made
    for container in made.values():
        panel.request("DELETE", f"containers/{container}/?force=1", wait_s=30)


def test_it_is_paused_and_resumed_and_its_limits_change_while_it_runs(harbour: Harbour, image: str) -> None:
    page = harbour.page
    harbour.create(image=image, name="patient", command="sleep 1000")
    expect(harbour.state()).to_have_text("Running")
    page.get_by_role("button", name="Pause").click()
    expect(harbour.state()).to_have_text("Paused")
    harbour.shot("paused", full_page=True)
    page.get_by_role("button", name="Resume").click()
    expect(harbour.state()).to_have_text("Running")

    page.locator("#container-head").get_by_role("link", name="Change").click()
    page.get_by_label("Memory (MiB)").fill("64")
    page.get_by_label("Start it again").select_option("on-failure")
    page.get_by_label("Times at most").fill("3")
    harbour.shot("change", full_page=True)
    page.get_by_role("button", name="Change limits").click()
    body = page.locator("#container-body")
    expect(body).to_contain_text("64 MiB")
    expect(body).to_contain_text("after a failure, 3 times at most")

    page.locator("#container-head").get_by_role("link", name="Change").click()
    page.get_by_label("Memory (MiB)").fill("")
    page.get_by_label("Processors").fill("-1")
    page.get_by_role("button", name="Change limits").click()
    expect(page.locator(".invalid-feedback")).to_contain_text("0.01")
    page.get_by_role("textbox", name="Name").fill("patient-2")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="patient-2", exact=True)).to_be_visible()
    harbour.remove()


def test_a_failure_is_told_with_its_certificate(harbour: Harbour, image: str) -> None:
    harbour.create(image=image, name="fails", command=FAILS)
    expect(harbour.state()).to_have_text("Failed (3)")
    card = harbour.page.get_by_role("region", name="How its last run ended")
    expect(card).to_contain_text("nobody; it ended by itself")
    expect(card.locator("pre")).to_contain_text("no such door")
    harbour.shot("certificate", full_page=True)
    harbour.remove()


def test_health_is_seen_in_the_list(harbour: Harbour, well_and_ill: dict[str, str]) -> None:
    page = harbour.page
    page.goto("/containers/?sort=name")
    for name, words in {"ill": "Unhealthy", "well": "Healthy", "still": "Paused", "ended": "Failed (1)"}.items():
        expect(page.locator("#list tr").filter(has_text=name).locator(".state").first).to_have_text(words)
    page.goto("/containers/?state=look&search=ill")
    expect(page.locator("#list tbody tr")).to_have_count(1)  # "still" is called so too, but needs no look


def test_these_pages_fit_too(page: Page, well_and_ill: dict[str, str]) -> None:
    pages = {f"container-{name}": f"/containers/{pk}/" for name, pk in well_and_ill.items()}
    pages |= {"change": f"/containers/{well_and_ill['ended']}/change/", "prune": "/containers/prune/"}
    for name, address in {**pages, "states": "/containers/"}.items():
        look_at(page, name, address)
    look_at(page, "sections", "/containers/create/", prepare=UNFOLD)


def test_what_does_not_run_is_shown_before_it_is_cleaned_up(harbour: Harbour, panel: Panel, image: str) -> None:
    container = create(panel, image, name="leftover", command=["true"])
    panel.request("GET", f"containers/{container}/wait/", wait_s=30)
    page = harbour.page
    page.goto("/containers/")
    page.get_by_role("link", name="Clean up").click()
    expect(page.locator("main table")).to_contain_text("leftover")
    harbour.shot("what-would-go", full_page=True)
    page.get_by_role("button", name="Remove them").click()
    expect(page.locator("#operation .state").first).to_have_text("Done")
    assert panel.request("GET", f"containers/{container}/")[0] == 404


def test_a_container_with_most_of_its_options_is_created_on_the_page(harbour: Harbour, image: str) -> None:
    page = harbour.page
    page.goto("/containers/create/")
    for title in ("Program", "Limits", "Life", "Files", "Network and rights"):
        page.locator("summary").filter(has_text=title).click()
    page.get_by_label("Image", exact=True).fill(image)
    page.get_by_label("Name", exact=True).fill("many")
    page.get_by_label("Command").fill("sleep 1000")
    page.get_by_label("Volumes", exact=True).fill("e2e-data:/data:ro")
    page.get_by_label("Folders in memory").fill("/scratch")
    page.get_by_label("Health check").fill("test -d /scratch")
    page.get_by_label("Every (seconds)").fill("0.2")
    page.get_by_label("Memory (MiB)", exact=True).fill("64")
    page.get_by_label("Capabilities taken away").fill("NET_RAW")
    page.get_by_role("button", name="Create container").click()
    expect(harbour.state()).to_have_text("Healthy")
    expect(page.locator("#container-body")).to_contain_text("/scratch")
    harbour.remove()
