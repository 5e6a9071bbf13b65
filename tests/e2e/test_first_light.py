"""The main job, end to end: from an archive on the reader's disk to lines that arrive live, and the trail it leaves."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.harbour import Harbour
from tests.images import busybox, busybox_layer, docker_archive
from tests.services.panel import Panel

TICKER = "sh -c 'trap \"exit 3\" TERM; n=0; while :; do n=$((n+1)); echo line $n; echo warning $n >&2; sleep 1; done'"


def test_sign_in_upload_create_watch_stop_and_find_it_in_the_audit_log(
    harbour: Harbour, panel: Panel, tmp_path: Path
) -> None:
    page = harbour.page
    page.context.clear_cookies()
    harbour.sign_in("admin", panel.password)
    archive = tmp_path / "busybox.tar"
    archive.write_bytes(docker_archive(busybox("busybox:first-light")))

    card = harbour.upload(archive)
    expect(card).to_contain_text("busybox.tar")
    expect(card).to_contain_text("busybox:first-light")
    harbour.shot("1-uploaded")

    harbour.create(image="busybox:first-light", name="ticker", command=TICKER)
    expect(harbour.state()).to_have_text("Running")
    harbour.shot("2-created", full_page=True)

    harbour.tab("Logs")
    rows = page.locator(".logs-row")
    expect(rows.filter(has_text="line 1").first).to_be_visible()
    expect(page.locator(".logs-row[data-stream=stderr]").first).to_contain_text("warning 1")
    seen = rows.count()
    expect(rows.nth(seen + 1)).to_be_visible()  # later lines arrive by themselves
    harbour.shot("3-live")

    page.get_by_role("button", name="Stop").click()
    expect(harbour.state()).to_have_text("Stopped (3)")
    expect(page.locator("[data-part=state]")).to_have_text("Ended")
    harbour.shot("4-stopped")
    first = page.locator(".logs-row > span").filter(has_text=re.compile(r"^line 1$"))
    expect(first).to_have_count(1)
    page.get_by_role("button", name="Start").click()
    expect(first).to_have_count(2)  # its next run goes on below, on the same page
    page.get_by_role("button", name="Stop").click()
    expect(harbour.state()).to_have_text("Stopped (3)")
    harbour.tab("Overview")
    expect(page.locator("#container-body")).to_contain_text("Exit code")
    harbour.shot("5-overview", full_page=True)

    page.goto("/audit/?search=ticker")
    done = ["Stop container", "Start container", "Stop container", "Create container"]
    expect(page.locator("#list tbody tr .list-name > a")).to_have_text(done)
    harbour.shot("6-audit")

    page.goto("/containers/?search=ticker")
    page.get_by_role("link", name="ticker", exact=True).click()
    harbour.remove()
    expect(page.get_by_role("heading", name="Containers")).to_be_visible()  # nothing is left to show there
    expect(page.locator("#toasts")).to_contain_text("The container was removed")


def test_a_state_changes_on_an_open_list_without_a_reload(harbour: Harbour, image: str) -> None:
    page = harbour.page
    harbour.create(image=image, name="short", command="sleep 4")
    page.goto("/containers/?search=short")
    page.evaluate("window.neverReloaded = true")
    row = page.locator("#list tbody tr").first
    expect(row.locator(".state")).to_have_text("Running")
    expect(row.locator(".state")).to_have_text("Exited (0)", timeout=20_000)
    assert page.evaluate("window.neverReloaded")


def test_a_command_that_is_not_there_is_told_on_the_page(harbour: Harbour, image: str) -> None:
    harbour.create(image=image, name="typo", command="no-such-program")
    expect(harbour.state()).to_have_text("Failed (127)")
    expect(harbour.page.locator("#container-head [role=alert]").first).to_contain_text("no-such-program")
    harbour.shot("not-found", full_page=True)


def test_a_root_filesystem_is_imported_under_the_name_it_is_given(harbour: Harbour, tmp_path: Path) -> None:
    tarball = tmp_path / "root.tar"
    tarball.write_bytes(busybox_layer())
    page = harbour.page
    page.goto("/images/upload/")
    page.get_by_label("Tarball").set_input_files(tarball)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_label("Reference")).to_be_focused()  # it is asked for before anything is sent
    page.get_by_label("Reference").fill("rootfs:imported")
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#uploads .note-done")).to_contain_text("rootfs:imported", timeout=30_000)
    page.goto("/images/?search=rootfs")
    page.get_by_role("link", name="rootfs:imported", exact=True).click()
    harbour.shot("image", full_page=True)
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("#toasts")).to_contain_text("The image was removed")


def test_an_archive_that_is_none_is_refused_with_the_reason(harbour: Harbour, tmp_path: Path) -> None:
    archive = tmp_path / "holiday.tar"
    archive.write_bytes(b"not an archive" * 1000)
    page = harbour.page
    page.goto("/images/upload/")
    page.locator("form[data-upload=now] input[type=file]").set_input_files(archive)
    card = page.locator("#uploads .note-fail")
    expect(card).to_contain_text("archive", timeout=30_000)
    harbour.shot("refused")
