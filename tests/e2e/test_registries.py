"""Registries in a real browser, with a real one behind: sign in, push, pull, see a newer image."""

import os
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests import images
from tests.e2e.harbour import Harbour
from tests.images import busybox, docker_archive
from tests.services.faulty_registry import FaultyRegistry
from tests.services.panel import Panel
from tests.services.processes import wait_until
from tests.services.registry import PASSWORD, USER, RunningRegistry


def test_an_image_goes_to_a_registry_with_a_password_and_comes_back(
    harbour: Harbour, panel: Panel, image: str, closed_registry: RunningRegistry, tmp_path: Path
) -> None:
    page, name = harbour.page, closed_registry.name
    _set_up(harbour, closed_registry)
    page.get_by_role("button", name=f"Check the sign-in of {USER}").click()
    expect(page.locator("#credentials .state")).to_have_text("Sign-in works", timeout=30_000)
    harbour.shot("registry", full_page=True)

    target = f"{name}/team/e2e:1"
    page.goto("/images/?search=busybox:e2e")
    page.get_by_role("link", name=image, exact=True).click()
    page.get_by_role("link", name="Push").click()
    page.get_by_label("Reference").fill(target)
    expect(page.locator("#reference-check")).to_contain_text(f"{USER} signs in.")
    harbour.shot("push", full_page=True)
    page.get_by_role("button", name="Push").click()
    expect(page.locator("#operation .state")).to_have_text("Done", timeout=30_000)
    assert closed_registry.request("GET", "team/e2e/tags/list")[1] == b'{"name":"team/e2e","tags":["1"]}\n'

    for words in ("done", "already there"):  # it was pushed compressed, so its blob is a new one to this host
        _pull(page, target)
        expect(page.locator("#operation .state")).to_have_text("Done", timeout=30_000)
        expect(page.locator(".stage").filter(has_text="Layer 1 of 1")).to_contain_text(words)
    harbour.shot("pull", full_page=True)

    archive = tmp_path / "newer.tar"
    archive.write_bytes(docker_archive(busybox("busybox:newer", command=["true"])))
    closed_registry.put(archive, "team/e2e:1")
    page.goto(f"/images/?search={target}")
    page.get_by_role("link", name=target, exact=True).click()
    page.get_by_role("button", name="Look now").click()
    expect(page.locator(".state").filter(has_text="Newer image available")).to_be_visible(timeout=30_000)
    harbour.shot("newer", full_page=True)
    page.goto("/images/")
    expect(page.get_by_text("Newer image available")).to_be_visible()
    harbour.shot("images", full_page=True)
    page.goto(f"/images/?search={target}")
    page.get_by_role("link", name=target, exact=True).click()
    page.get_by_role("link", name="Pull", exact=True).click()
    page.get_by_role("button", name="Pull").click()
    expect(page.locator("#operation .state")).to_have_text("Done", timeout=30_000)

    _nothing_was_told(panel)
    _clear_up(harbour, panel, name)


def test_a_wrong_password_is_said_where_it_is_needed(
    harbour: Harbour, panel: Panel, closed_registry: RunningRegistry
) -> None:
    _set_up(harbour, closed_registry, password="wrong")
    page = harbour.page
    page.get_by_role("button", name=f"Check the sign-in of {USER}").click()
    expect(page.locator("#credentials")).to_contain_text(f"refuses {USER}", timeout=30_000)
    _pull(page, f"{closed_registry.name}/team/none")
    expect(page.locator("#operation .state")).to_have_text("Failed", timeout=30_000)
    expect(page.locator("#operation .note-fail")).to_contain_text("Check the user name and password")
    harbour.shot("refused", full_page=True)
    _clear_up(harbour, panel, closed_registry.name)


def test_a_pull_shows_each_layer_and_is_cancelled(harbour: Harbour, panel: Panel) -> None:
    page, slow = harbour.page, FaultyRegistry()
    slow.hold.clear()
    slow.hold_after = 2 << 20
    pieces = [images.layer(images.file(f"data/{number}", os.urandom(2_500_000))) for number in range(6)]
    with slow.running():
        reference = slow.put(images.build("docker.io/team/slow:1", pieces))
        status, registry = panel.request("POST", "registries/", {"name": slow.name, "is_insecure": True})
        assert status == 201, registry
        _pull(page, reference)
        expect(page.locator(".stage", has_text="Layer 1 of 6")).to_contain_text("downloading")
        expect(page.locator(".stage", has_text="Layer 1 of 6")).to_contain_text("2.1 MB / 2.5 MB")
        expect(page.locator(".stage", has_text="Layer 6 of 6")).to_contain_text("waiting")
        harbour.shot("slow", full_page=True)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#operation .state")).to_have_text("Cancelled", timeout=30_000)
        expect(page.locator(".stage", has_text="Layer 1 of 6")).to_contain_text("not finished")
        expect(page.get_by_text("the next pull goes on from there")).to_be_visible()
        harbour.shot("cancelled", full_page=True)
    assert panel.request("GET", f"images/?search={slow.name}")[1]["results"] == []
    panel.request("DELETE", f"registries/{registry['id']}/")


def _set_up(harbour: Harbour, registry: RunningRegistry, password: str = PASSWORD) -> None:
    page = harbour.page
    page.goto("/registries/")
    page.get_by_role("link", name="Add registry").first.click()
    page.get_by_label("Name", exact=True).fill(registry.name)
    page.get_by_label("Title").fill("The team's own")
    page.get_by_label("Certificates of its authority").fill(registry.ca)
    harbour.shot("add", full_page=True)
    page.get_by_role("button", name="Add registry").click()
    expect(page.get_by_role("heading", name=registry.name)).to_be_visible()
    page.get_by_role("link", name="Add credential").click()
    page.get_by_label("User name").fill(USER)
    page.get_by_label("Password or access token").fill(password)
    harbour.shot("credential", full_page=True)
    page.get_by_role("button", name="Keep credential").click()
    expect(page.locator("#credentials")).to_contain_text(USER)


def _pull(page: Page, reference: str) -> None:
    page.goto("/images/pull/")
    page.get_by_label("Reference").fill(reference)
    page.get_by_role("button", name="Pull").click()
    expect(page).to_have_url(re.compile("/operations/"))


def _nothing_was_told(panel: Panel) -> None:
    """The password is in no answer, no row of the database, no file of the broker."""
    for path in ("credentials/", "audit/", "operations/", "registries/"):
        assert PASSWORD not in str(panel.request("GET", path)[1])
    for folder in ("panel", "redis", "operations"):
        for file in (panel.home / folder).rglob("*"):
            assert not file.is_file() or PASSWORD.encode() not in file.read_bytes(), file


def _clear_up(harbour: Harbour, panel: Panel, registry: str) -> None:
    page = harbour.page
    page.goto("/registries/")
    page.get_by_role("link", name=registry).click()
    page.get_by_role("button", name="Remove", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="Registries")).to_be_visible()
    for image in panel.request("GET", f"images/?search={registry}")[1]["results"]:
        for reference in image["references"]:
            if registry in reference:
                panel.request("DELETE", f"images/{image['id']}/?reference={reference}", wait_s=30)


def test_the_missing_images_of_a_container_are_pulled_when_it_is_created(
    panel: Panel, registry: RunningRegistry, tmp_path: Path
) -> None:
    archive = tmp_path / "image.tar"
    archive.write_bytes(docker_archive(busybox("busybox:pulled", command=["sleep", "100"])))
    reference = registry.put(archive, "team/pulled:1")
    archive.write_bytes(docker_archive(busybox("busybox:mounted", command=["true"])))
    mounted = registry.put(archive, "team/mounted:1")
    spec = {"image": reference, "mounts": [{"type": "image", "source": mounted, "target": "/other"}]}

    assert panel.request("POST", "containers/", spec, wait_s=30)[0] == 422
    status, operation = panel.request("POST", "containers/", spec | {"pull": "missing"}, wait_s=60)

    assert (status, operation["status"]) == (200, "done"), operation
    container = panel.request("GET", f"containers/{operation['object_id']}/")[1]
    assert container["status"] == "running"
    assert panel.request("GET", f"images/?search={reference}")[1]["results"][0]["image_id"] == container["image_id"]
    image = panel.request("GET", f"images/?search={reference}")[1]["results"][0]
    other = panel.request("GET", f"images/?search={mounted}")[1]["results"][0]
    for brought in (image, other):
        assert panel.request("GET", f"images/{brought['id']}/updates/")[1][0]["is_current"] is True
    assert panel.request("DELETE", f"images/{other['id']}/", wait_s=30)[0] == 409
    panel.request("DELETE", f"containers/{container['id']}/?force=true", wait_s=30)
    for brought in (image, other):
        assert panel.request("DELETE", f"images/{brought['id']}/", wait_s=30)[0] == 200


def test_the_clock_notices_that_a_tag_has_moved(panel: Panel, registry: RunningRegistry, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    archive.write_bytes(docker_archive(busybox("busybox:old", command=["clock"])))  # no other test's image
    reference = registry.put(archive, "team/clock:1")
    status, operation = panel.request("POST", "images/pull/", {"reference": reference}, wait_s=60)
    assert status == 200, operation
    archive.write_bytes(docker_archive(busybox("busybox:new", command=["true"])))
    registry.put(archive, "team/clock:1")

    make_due = (
        "from django.utils import timezone; from panel.celery import app; from panel.images.models import TrackedTag;"
        "TrackedTag.objects.update(due_at=timezone.now()); app.send_task('images.ask_for_updates', queue='panel')"
    )
    panel.manage("shell", "--no-imports", "-c", make_due)

    def image() -> dict[str, Any]:
        return dict(panel.request("GET", f"images/?search={reference}")[1]["results"][0])

    def askers() -> set[str]:
        checks = panel.request("GET", "operations/?kind=images.check_updates&status=done")[1]["results"]
        return {check["started_by"] for check in checks}

    wait_until(lambda: image()["is_outdated"], "the image is known to be outdated", timeout_s=60)
    assert "schedule" in askers()
    panel.request("DELETE", f"images/{image()['id']}/", wait_s=30)
