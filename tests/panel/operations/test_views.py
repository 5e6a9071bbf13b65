"""The operation pages, and the pieces other pages show an operation with."""

from typing import Any

from panel.accounts.models import User
from panel.hosts.models import Host
from panel.operations.models import Operation
from tests.panel.browsing import signed_in


def make(local: Host, **fields: Any) -> Operation:
    """An operation about an image archive."""
    about = {"object_kind": "image", "object_id": "u", "object_name": "a.tar", "started_by_name": "olga"}
    return Operation.objects.create(host=local, **{"kind": "images.load"} | about | fields)


def test_a_failed_operation_tells_why_and_what_to_do(viewer: User, local: Host) -> None:
    error = {"code": "invalid-archive", "message": "a.tar is <b>not</b> an archive", "hint": "Save it again."}
    operation = make(local, status="failed", error=error)
    for address in (f"/operations/{operation.pk}/", f"/operations/{operation.pk}/notice/", "/operations/"):
        assert "a.tar is &lt;b&gt;not&lt;/b&gt; an archive" in signed_in(viewer).get(address).content.decode()
    assert b"Save it again." in signed_in(viewer).get(f"/operations/{operation.pk}/notice/").content


def test_a_notice_follows_its_operation_until_it_ends(viewer: User, local: Host) -> None:
    operation = make(local, status="running")
    browser = signed_in(viewer)
    assert b"moorage:changed" in browser.get(f"/operations/{operation.pk}/notice/").content
    Operation.objects.update(status="done")
    after = browser.get(f"/operations/{operation.pk}/notice/").content
    assert b"moorage:changed" not in after
    assert b"data-leave" in after


def test_a_loaded_image_is_told_with_all_its_names(operator: User, local: Host) -> None:
    images = [{"id": "sha256:1a", "references": ["docker.io/library/busybox:a", "docker.io/library/busybox:b"]}]
    operation = make(local, status="done", result={"images": images})
    card = signed_in(operator).get(f"/operations/{operation.pk}/card/").content.decode()
    assert "busybox:a, busybox:b" in card
    assert "/containers/create/?image=busybox%3Aa" in card


def test_every_layer_of_a_pull_says_how_it_does(viewer: User, local: Host) -> None:
    shown = {
        "layer 1 of 5 (a)": ("done", "exists", 10, "already there"),
        "layer 2 of 5 (b)": ("running", "extracting", 20, "extracting"),
        "layer 3 of 5 (c)": ("running", "downloading", 30, "downloaded"),
        "layer 4 of 5 (d)": ("running", "downloading", 10, "downloading"),
        "layer 5 of 5 (e)": ("waiting", "", 0, "waiting"),
    }
    steps = [
        {"name": name, "status": status, "phase": phase, "current": current, "total": 10 * number, "unit": "bytes"}
        for number, (name, (status, phase, current, _words)) in enumerate(shown.items(), 1)
    ]
    operation = make(local, status="running", kind="images.pull", steps=steps)
    page = " ".join(signed_in(viewer).get(f"/operations/{operation.pk}/").content.decode().split())
    for number, (*_, words) in enumerate(shown.values(), 1):
        assert f'Layer {number} of 5, {"abcde"[number - 1]} <span class="quiet">{words}</span>' in page
    assert "1 of 5 done · 70 B / 150 B" in page


def test_a_cancelled_pull_is_no_failure_and_says_what_stays(viewer: User, local: Host) -> None:
    steps = [{"name": "store", "status": "failed", "phase": "downloading", "current": 1, "total": 2, "unit": "bytes"}]
    operation = make(local, status="cancelled", kind="images.pull", steps=steps)
    page = signed_in(viewer).get(f"/operations/{operation.pk}/").content.decode()
    assert "the next pull goes on from there" in page
    assert "not finished" in page
    Operation.objects.update(status="failed")
    assert "failed while downloading" in signed_in(viewer).get(f"/operations/{operation.pk}/").content.decode()


def test_only_those_who_may_cancel_see_the_button(viewer: User, operator: User, local: Host) -> None:
    operation = make(local, status="running")
    assert b"/cancel/" not in signed_in(viewer).get(f"/operations/{operation.pk}/").content
    assert b"/cancel/" in signed_in(operator).get(f"/operations/{operation.pk}/").content


def test_cancelling_what_has_ended_is_told(operator: User, local: Host) -> None:
    operation = make(local, status="done")
    answer = signed_in(operator).post(f"/operations/{operation.pk}/cancel/", headers={"HX-Request": "true"})
    assert b"has ended already" in answer.content


def test_the_list_is_filtered_by_outcome_and_text(viewer: User, local: Host) -> None:
    make(local, status="done")
    failed = make(local, status="failed", object_name="b.tar", error={"message": "m"})
    browser = signed_in(viewer)
    assert list(browser.get("/operations/?status=failed").context["object_list"]) == [failed]
    assert list(browser.get("/operations/?search=b.tar").context["object_list"]) == [failed]
