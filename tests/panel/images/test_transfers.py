"""Pulls, pushes and names as they are asked for, and what becomes of tags that move."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.containers.models import Container
from panel.errors import Conflicting, Invalid, Missing
from panel.hosts.models import Host
from panel.images import schedule, services, updates
from panel.images.models import Image, TrackedTag
from panel.operations import records
from panel.operations.models import Operation
from panel.registries import services as registries
from panel.registries.models import Credential
from panel.secrets.sealing import HostKey
from tests.panel.browsing import HTMX, signed_in
from tests.panel.conftest import IMAGE_ID, acting, make_user, rest
from tests.panel.registries.conftest import host_key, panel_home

__all__ = ["host_key", "panel_home"]  # fixtures

SECRET = "correct-horse-7"
BUSYBOX = "docker.io/library/busybox:latest"
NEWER = "sha256:" + "2b" * 32
JSON: dict[str, Any] = {"content_type": "application/json"}


def finish(operation: Operation, result: Any, outcome: str = "done", **changes: Any) -> None:
    records.finished(host="local", operation=str(operation.pk), outcome=outcome, result=result, **changes)


def found(*, is_current: bool, digest: str = NEWER, image_id: str = IMAGE_ID) -> dict[str, Any]:
    update = {"reference": BUSYBOX, "image_id": image_id, "digest": digest, "is_current": is_current}
    return {"checks": [{"reference": BUSYBOX, "update": update, "error": None}]}


def test_a_pull_is_asked_of_the_host_with_the_closest_credential(operator: User, host_key: HostKey) -> None:
    registries.add_credential(actor=acting(operator), registry="ghcr.io", username="olga", secret=SECRET)

    operation = services.pull(actor=acting(operator), reference="ghcr.io/team/web", platform="linux/arm64")

    payload = operation.payload
    assert (operation.kind, payload["reference"], payload["platform"]) == (
        "images.pull",
        "ghcr.io/team/web:latest",
        "linux/arm64",
    )
    assert SECRET not in json.dumps(payload)
    access = json.loads(host_key.open(payload["access"], bound_to=str(operation.pk)))
    assert access["credentials"]["password"] == SECRET
    row: Any = AuditEntry.objects.get(action="images.pull")
    assert row.after == {"platform": "linux/arm64", "signs_in": "olga"}


def test_the_same_pull_asked_twice_is_one_operation(operator: User, admin: User, host_key: HostKey) -> None:
    first = services.pull(actor=acting(operator), reference="busybox")

    assert services.pull(actor=acting(admin), reference=BUSYBOX) == first
    assert services.pull(actor=acting(admin), reference="busybox", platform="linux/arm64") != first
    assert AuditEntry.objects.filter(action="images.pull").count() == 3
    Operation.objects.filter(pk=first.pk).update(cancel_requested_at=timezone.now())
    assert services.pull(actor=acting(admin), reference="busybox") != first


def test_nobody_joins_a_pull_with_another_password(operator: User, host_key: HostKey) -> None:
    otto = make_user("otto", "operator")
    for user in (operator, otto):
        actor = acting(user)
        registries.add_credential(actor=actor, registry="ghcr.io", username="x", secret=f"{SECRET} of {user}")
    first = services.pull(actor=acting(operator), reference="ghcr.io/team/web")

    assert services.pull(actor=acting(otto), reference="ghcr.io/team/web") != first
    assert services.pull(actor=acting(make_user("ida", "operator")), reference="ghcr.io/team/web") != first
    mine = Credential.objects.get(user=operator)
    assert services.pull(actor=acting(operator), reference="ghcr.io/team/web", credential=mine) == first


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"reference": "Busy Box"}, "reference"),
        ({"reference": ""}, "reference"),
        ({"reference": "busybox", "platform": "arm64"}, "platform"),
    ],
)
def test_what_cannot_be_pulled_names_its_field(
    operator: User, host_key: HostKey, asked: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        services.pull(actor=acting(operator), **asked)
    assert refusal.value.field == field


def test_a_credential_that_is_not_ones_own_or_for_another_registry_is_refused(
    operator: User, host_key: HostKey
) -> None:
    theirs = registries.add_credential(
        actor=acting(make_user("otto", "operator")), registry="docker.io", username="otto", secret=SECRET
    )
    mine = registries.add_credential(actor=acting(operator), registry="ghcr.io", username="olga", secret=SECRET)

    with pytest.raises(Missing):
        services.pull(actor=acting(operator), reference="busybox", credential=theirs)
    with pytest.raises(Invalid, match="another registry"):
        services.pull(actor=acting(operator), reference="busybox", credential=mine)


def test_a_registry_that_is_switched_off_gives_nothing(operator: User, admin: User, host_key: HostKey) -> None:
    registries.add(actor=acting(admin), name="docker.io", how={"is_enabled": False})
    with pytest.raises(Conflicting, match="switched off"):
        services.pull(actor=acting(operator), reference="busybox")


def test_pushes_and_names_are_operations(operator: User, image: Image, host_key: HostKey) -> None:
    pushed = services.push(actor=acting(operator), image=image, reference="localhost:5000/a:1")
    named = services.tag(actor=acting(operator), image=image, reference="web")

    assert (pushed.payload["name"], pushed.payload["reference"]) == (IMAGE_ID, "localhost:5000/a:1")
    assert named.payload == {"name": IMAGE_ID, "reference": "docker.io/library/web:latest"}
    for call in (services.push, services.tag):
        with pytest.raises(Invalid):
            call(actor=acting(operator), image=image, reference=f"web@{IMAGE_ID}")


def test_a_tag_that_was_pulled_is_asked_about_and_shown_when_it_moved(
    operator: User, viewer: User, image: Image, host_key: HostKey
) -> None:
    pulled = services.pull(actor=acting(operator), reference="busybox")
    finish(pulled, {"images": [{"id": IMAGE_ID}]})
    client = rest(viewer)
    assert client.get(f"/api/v1/images/{image.pk}/").json()["is_outdated"] is False

    asked = services.check_updates(actor=acting(operator), image=image)
    assert asked.payload["checks"] == [{"reference": BUSYBOX, "access": "docker.io ", "known": None}]
    finish(asked, found(is_current=False))

    assert client.get(f"/api/v1/images/{image.pk}/").json()["is_outdated"] is True
    assert client.get("/api/v1/images/").json()["results"][0]["is_outdated"] is True
    told = client.get(f"/api/v1/images/{image.pk}/updates/").json()
    assert [(one["reference"], one["is_current"], one["digest"]) for one in told] == [(BUSYBOX, False, NEWER)]
    again = services.check_updates(actor=acting(operator), image=image)
    assert again.payload["checks"][0]["known"]["digest"] == NEWER


def test_a_pull_that_moved_the_tag_leaves_the_old_image_outdated(
    operator: User, image: Image, host_key: HostKey
) -> None:
    finish(services.pull(actor=acting(operator), reference="busybox"), {"images": [{"id": IMAGE_ID}]})
    told = [
        {"id": IMAGE_ID, "references": [], "size_bytes": 1},
        {"id": NEWER, "references": [BUSYBOX], "size_bytes": 1},
    ]
    finish(services.pull(actor=acting(operator), reference="busybox"), {"images": [{"id": NEWER}]}, images=told)

    assert {(tag.image_id, tag.is_current) for tag in TrackedTag.objects.all()} == {(IMAGE_ID, False), (NEWER, True)}


def test_a_tag_that_was_pulled_again_is_the_newest_whatever_was_known(
    operator: User, image: Image, host_key: HostKey
) -> None:
    finish(services.check_updates(actor=acting(operator), image=image), found(is_current=False))
    finish(services.pull(actor=acting(operator), reference="busybox"), {"images": [{"id": IMAGE_ID}]})

    tag = TrackedTag.objects.get()
    assert (tag.is_current, tag.digest, tag.error) == (True, "", "")
    assert tag.checked_at is not None


def test_the_clock_asks_only_about_what_is_due_and_still_there(
    operator: User, image: Image, local: Host, host_key: HostKey
) -> None:
    Host.objects.update(last_seen_at=timezone.now())
    updates.track("local", BUSYBOX, IMAGE_ID)
    updates.track("local", "docker.io/library/gone:1", IMAGE_ID)
    schedule.ask_for_updates()
    assert not Operation.objects.exists()

    TrackedTag.objects.update(due_at=timezone.now())
    schedule.ask_for_updates()
    schedule.ask_for_updates()  # it is still at it
    operation = Operation.objects.get()
    assert [check["reference"] for check in operation.payload["checks"]] == [BUSYBOX]
    assert operation.started_by_name == "schedule"


def test_a_registry_that_was_asked_too_often_is_left_alone(operator: User, image: Image, host_key: HostKey) -> None:
    asked = services.check_updates(actor=acting(operator), image=image)
    error = {"code": "rate-limited", "message": "asked too often", "hint": "", "retry_after_s": 50_000}
    finish(asked, {"checks": [{"reference": BUSYBOX, "update": None, "error": error}]})

    tag = TrackedTag.objects.get()
    assert tag.error == "asked too often"
    assert tag.is_current
    assert tag.due_at > timezone.now() + timedelta(seconds=49_000)


def test_a_host_is_not_believed_about_what_it_was_not_asked(operator: User, image: Image, host_key: HostKey) -> None:
    asked = services.check_updates(actor=acting(operator), image=image)
    update = {"reference": "docker.io/library/other:1", "image_id": NEWER, "digest": NEWER, "is_current": False}
    finish(asked, {"checks": [{"reference": "docker.io/library/other:1", "update": update}, 5, None]})
    assert list(TrackedTag.objects.values_list("reference", "is_current")) == [(BUSYBOX, True)]


def test_it_can_all_be_asked_by_rest(operator: User, viewer: User, image: Image, host_key: HostKey) -> None:
    client = rest(operator)
    for path, body in (
        ("images/pull/", {"reference": "busybox"}),
        (f"images/{image.pk}/push/", {}),
        (f"images/{image.pk}/tag/", {"reference": "web"}),
        (f"images/{image.pk}/check_updates/", {}),
    ):
        assert client.post(f"/api/v1/{path}", body, **JSON).status_code == 202, path
        assert rest(viewer).post(f"/api/v1/{path}", body, **JSON).status_code == 403, path
    refused = client.post("/api/v1/images/pull/", {"reference": "a b"}, **JSON)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "reference")
    assert client.post("/api/v1/images/pull/", {"reference": "a", "credential": 7}, **JSON).status_code == 404


def test_the_pages_ask_and_say_what_a_name_means(operator: User, viewer: User, image: Image, host_key: HostKey) -> None:
    browser = signed_in(operator)
    assert b"/images/pull/" in browser.get("/images/").content
    assert b"/images/pull/" not in signed_in(viewer).get("/images/").content
    check = "/images/pull/check/?reference="
    assert "docker.io/library/debian:latest" in browser.get(f"{check}debian").content.decode()
    assert "is not set up here" in browser.get(f"{check}ghcr.io/a").content.decode()
    assert "is not an image&#x27;s name" in browser.get(f"{check}a b").content.decode()
    assert browser.get(check).content.strip() == b""
    registries.add_credential(actor=acting(operator), registry="ghcr.io", username="olga", secret=SECRET)
    assert "olga signs in" in browser.get(f"{check}ghcr.io/a").content.decode()

    chosen = Credential.objects.get().pk
    assert "another registry" in browser.get(f"{check}debian&credential={chosen}").content.decode()
    assert "olga signs in" in browser.get(f"{check}ghcr.io/a&credential={chosen}").content.decode()

    refused = browser.post("/images/pull/", {"reference": "debian", "platform": "arm64"})
    assert (refused.status_code, "Write it like linux/arm64/v8" in refused.content.decode()) == (422, True)
    pulled = browser.post("/images/pull/", {"reference": "ghcr.io/a"})
    assert pulled.headers["Location"] == f"/operations/{Operation.objects.get(kind='images.pull').pk}/"
    browser.post(f"/images/{image.pk}/push/", {"reference": "ghcr.io/a/b:1"})
    browser.post(f"/images/{image.pk}/tag/", {"reference": "web"})
    browser.post(f"/images/{image.pk}/updates/", headers=HTMX)
    assert {operation.kind for operation in Operation.objects.all()} == {
        "images.pull",
        "images.push",
        "images.tag",
        "images.check_updates",
    }


def test_the_form_asks_for_the_host_where_there_are_several(operator: User, local: Host, host_key: HostKey) -> None:
    browser = signed_in(operator)
    assert b'name="host"' not in browser.get("/images/pull/").content
    Host.objects.create(name="second", sealing_key=host_key.public)
    assert b'<option value="local" selected>' in browser.get("/images/pull/").content
    browser.post("/images/pull/", {"reference": "debian", "host": "second"})
    assert Operation.objects.get().host_id == "second"


def test_a_newer_image_is_shown_at_the_image_and_at_its_containers(
    operator: User, viewer: User, image: Image, local: Host, host_key: HostKey
) -> None:
    container = Container.objects.create(name="web", host=local, image="busybox", image_id=image.image_id)
    finish(services.check_updates(actor=acting(operator), image=image), found(is_current=False))

    browser = signed_in(viewer)
    for path in ("/images/", f"/images/{image.pk}/", "/containers/", f"/containers/{container.pk}/"):
        assert "Newer image available" in browser.get(path).content.decode(), path
    for path in ("containers/", f"containers/{container.pk}/"):
        answer = rest(viewer).get(f"/api/v1/{path}").json()
        assert answer.get("results", [answer])[0]["image_is_outdated"] is True
