"""Inside an image in a real browser: layers, files, a comparison, a download; and what is not used goes."""

import io
import tarfile

import pytest
from playwright.sync_api import Page, expect

from tests import images
from tests.e2e.harbour import Harbour
from tests.e2e.test_every_page import look_at
from tests.images.whiteouts import layered
from tests.services.panel import Panel

ODD = "a\N{RIGHT-TO-LEFT OVERRIDE}gnp.<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def pair(panel: Panel) -> tuple[int, int]:
    """The panel's ids of two images that have layers in common; the second has a file with a hostile name."""
    more = images.layer(images.file(f"data/{ODD}", b"x"), images.file("data/kept", b"newer"), images.whiteout("bin/sh"))
    first = layered("docker.io/team/tides:1")
    second = images.build(
        "docker.io/team/tides:2", [*first.layers, more], config={"Cmd": ["sh", "-l"], "Env": ["PATH=/bin", "TIDE=high"]}
    )
    status, operation = panel.request("POST", "images/load/", images.docker_archive(first, second), wait_s=60)
    assert status == 200, operation
    _, listed = panel.request("GET", "images/")
    keys = {image["image_id"]: image["id"] for image in listed["results"]}
    return keys[first.id], keys[second.id]


def test_an_image_is_looked_into_compared_and_downloaded(harbour: Harbour, pair: tuple[int, int]) -> None:
    first, second = pair
    page = harbour.page
    page.goto(f"/images/{second}/")
    tabs = page.get_by_role("navigation", name="Image", exact=True)
    tabs.get_by_role("link", name="Layers").click()
    expect(page.get_by_text("1 added, 1 changed, 1 deleted")).to_be_visible()
    page.get_by_text("1 added, 1 changed, 1 deleted").click()
    expect(page.locator("#list tbody tr")).to_have_count(3)
    expect(page.get_by_text(r"/data/a\u202egnp.<img src=x onerror=alert(1)>")).to_be_visible()
    page.get_by_label("Search files").fill("KEPT")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    tabs.get_by_role("link", name="Compare").click()
    page.get_by_label("Compare with").select_option(str(first))
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("The lowest 3 layers")).to_be_visible()
    expect(page.locator("#list").get_by_text("/bin/sh")).to_be_visible()
    page.get_by_text("Download").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="OCI archive").click()
    assert download.value.suggested_filename == "tides-2.tar"
    with tarfile.open(fileobj=io.BytesIO(download.value.path().read_bytes())) as tar:
        assert "index.json" in tar.getnames()


def test_the_pages_of_an_image_fit_and_every_control_has_a_name(page: Page, pair: tuple[int, int]) -> None:
    tabs = {"image": "", "layers": "layers/", "files": "files/?layer=4", "compare": f"compare/?other={pair[0]}"}
    for name, tab in (tabs | {"image-users": "containers/"}).items():
        look_at(page, name, f"/images/{pair[1]}/{tab}")
    look_at(page, "image-prune", "/images/prune/?named=on")


def test_images_that_are_not_used_are_shown_and_go(harbour: Harbour, panel: Panel, pair: tuple[int, int]) -> None:
    load = images.docker_archive(images.busybox("lost:1", command=["old"]))
    assert panel.request("POST", "images/load/", load, wait_s=60)[0] == 200
    load = images.docker_archive(images.busybox("lost:1", command=["new"]))
    assert panel.request("POST", "images/load/", load, wait_s=60)[0] == 200
    page = harbour.page
    page.goto("/images/")
    page.get_by_role("link", name="Clean up").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Remove them").click()
    expect(page.get_by_text("Remove images that are not used").first).to_be_visible()
    page.goto("/images/prune/")
    expect(page.get_by_text("There is nothing to remove")).to_be_visible()
