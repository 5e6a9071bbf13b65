"""The container pages: lists, forms and buttons, against the real services."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.containers.models import Container
from panel.hosts.models import Host
from panel.images.models import Image
from panel.operations.models import Operation
from tests.panel.browsing import HTMX, signed_in


def make(local: Host, name: str, **fields: Any) -> Container:
    """A container that the host told of."""
    spec = {"name": name, "image": "busybox", "command": ["echo", "a b"]}
    return Container.objects.create(name=name, host=local, image="busybox", spec=spec, **fields)


def test_the_list_tells_none_from_no_match(viewer: User, local: Host) -> None:
    browser = signed_in(viewer)
    assert b"No containers yet" in browser.get("/containers/").content
    make(local, "web")
    assert b"Nothing matches" in browser.get("/containers/?search=nothing-like-it").content


def test_the_list_is_searched_filtered_and_sorted_in_the_database(viewer: User, local: Host) -> None:
    make(local, "alpha", status="running", desired="running")
    make(local, "beta", status="exited", exit_code=3, desired="running")
    browser = signed_in(viewer)

    def names(query: str) -> list[str]:
        return [container.name for container in browser.get(f"/containers/?{query}").context["object_list"]]

    assert names("") == ["beta", "alpha"]  # what needs a look is first
    assert names("sort=name") == ["alpha", "beta"]
    assert names("sort=-name") == ["beta", "alpha"]
    assert names("state=running") == ["alpha"]
    assert names("state=look") == ["beta"]
    assert names("search=alp") == ["alpha"]
    assert names("sort=password") == ["beta", "alpha"]  # not a column: the list's own order


def test_the_list_is_paged_and_a_page_beyond_the_end_is_the_last(viewer: User, local: Host) -> None:
    for number in range(30):
        make(local, f"c{number:02}")
    browser = signed_in(viewer)
    assert len(browser.get("/containers/").context["object_list"]) == 25
    assert len(browser.get("/containers/?page=99").context["object_list"]) == 5


def test_a_longer_list_asks_the_database_no_more_questions(viewer: User, local: Host) -> None:
    browser = signed_in(viewer)

    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            browser.get("/containers/")
        return len(asked)

    make(local, "first", status="running")
    few = questions()
    for number in range(20):
        make(local, f"c{number:02}", status="exited", exit_code=number)
    assert questions() == few


def test_a_part_of_the_page_is_answered_alone(viewer: User, local: Host) -> None:
    make(local, "web")
    answer = signed_in(viewer).get("/containers/", headers={**HTMX, "HX-Target": "list"})
    assert b"<html" not in answer.content
    assert b'id="list"' in answer.content
    assert "HX-Target" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "running"}, "Running"),
        ({"status": "exited", "exit_code": 0, "desired": "running"}, "Exited (0)"),
        ({"status": "exited", "exit_code": 143, "desired": "stopped"}, "Stopped (143)"),
        ({"status": "exited", "exit_code": 1, "desired": "running"}, "Failed (1)"),
        ({"status": "exited", "exit_code": 137, "oom_killed": True}, "Out of memory (137)"),
    ],
)
def test_states_are_told_apart(viewer: User, local: Host, fields: dict[str, Any], words: str) -> None:
    make(local, "web", **fields)
    assert words in signed_in(viewer).get("/containers/").content.decode()


def test_buttons_one_may_not_use_are_absent(viewer: User, operator: User, local: Host) -> None:
    container = make(local, "web", status="running")
    for address in ("/containers/", f"/containers/{container.pk}/"):
        assert b"/stop/" not in signed_in(viewer).get(address).content
        assert b"/remove/" not in signed_in(viewer).get(address).content
        assert b"/stop/" in signed_in(operator).get(address).content


def test_stop_answers_with_a_notice_of_its_operation(operator: User, local: Host) -> None:
    container = make(local, "web", status="running")
    answer = signed_in(operator).post(f"/containers/{container.pk}/stop/", headers=HTMX)
    operation = Operation.objects.get()
    assert (operation.kind, operation.object_id) == ("containers.stop", container.pk)
    assert f"/operations/{operation.pk}/notice/" in answer.content.decode()


def test_a_button_pressed_without_permission_is_refused_and_written_down(viewer: User, local: Host) -> None:
    container = make(local, "web", status="running")
    answer = signed_in(viewer).post(f"/containers/{container.pk}/stop/", headers=HTMX)
    assert answer.status_code == 403
    assert not Operation.objects.exists()
    entry = AuditEntry.objects.get(outcome="denied")
    assert (entry.action, entry.object_name) == ("containers.stop", "web")


def test_a_button_needs_the_token_against_forged_requests(operator: User, local: Host) -> None:
    container = make(local, "web", status="running")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    assert browser.post(f"/containers/{container.pk}/stop/").status_code == 403


def test_the_form_creates_a_container_from_what_was_typed(operator: User, image: Image) -> None:
    answer = signed_in(operator).post(
        "/containers/create/",
        {
            "image": "busybox",
            "name": "clock",
            "command": "sh -c 'while :; do date; sleep 1; done'",
            "env": "TZ=UTC\n\nLEVEL=debug",
            "network": "none",
            "memory_mib": "64",
            "cpus": "0.5",
            "start": "on",
        },
    )
    container = Container.objects.get()
    assert answer.url == f"/containers/{container.pk}/"  # type: ignore[attr-defined]
    assert container.name == "clock"
    assert container.desired == "running"
    assert container.spec["command"] == ["sh", "-c", "while :; do date; sleep 1; done"]
    assert container.spec["env"] == ["TZ=UTC", "LEVEL=debug"]
    assert container.spec["resources"]["memory_bytes"] == 64 << 20
    assert container.spec["entrypoint"] is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"image": "no-such-image"}, "image"),
        ({"name": "-bad name-"}, "name"),
        ({"name": "taken"}, "name"),
        ({"command": "echo 'open"}, "command"),
        ({"env": "=nothing"}, "env"),
        ({"cwd": "relative"}, "cwd"),
        ({"memory_mib": "1"}, "memory_mib"),
        ({"cpus": "-1"}, "cpus"),
        ({"pids": "-5"}, "pids"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    operator: User, local: Host, image: Image, given: dict[str, str], field: str
) -> None:
    make(local, "taken")
    answer = signed_in(operator).post("/containers/create/", {"image": "busybox", "network": "none", **given})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert Container.objects.count() == 1


def test_the_form_says_when_there_is_no_image_yet(operator: User, local: Host) -> None:
    assert b"There is no image on the host yet" in signed_in(operator).get("/containers/create/").content


def test_a_page_left_open_goes_back_to_the_list_when_its_container_is_removed(viewer: User, local: Host) -> None:
    answer = signed_in(viewer).get(f"/containers/{'0' * 64}/", headers={**HTMX, "HX-Target": "container-head"})
    assert answer.headers["HX-Redirect"] == "/containers/"


def test_only_one_part_of_a_page_left_open_leads_away_from_it(viewer: User, local: Host) -> None:
    answer = signed_in(viewer).get(f"/containers/{'0' * 64}/", headers={**HTMX, "HX-Target": "container-body"})
    assert answer.status_code == 204
    assert "HX-Redirect" not in answer.headers
    assert not answer.cookies  # a notice set here would be shown once more on the page after the next


def test_the_tabs_of_a_container(viewer: User, local: Host) -> None:
    container = make(local, "web", status="exited", exit_code=127, desired="running", error="no such program: <b>x</b>")
    browser = signed_in(viewer)
    overview = browser.get(f"/containers/{container.pk}/").content.decode()
    assert "no such program: &lt;b&gt;x&lt;/b&gt;" in overview
    assert "echo &#x27;a b&#x27;" in overview
    logs = browser.get(f"/containers/{container.pk}/logs/").content.decode()
    assert f'data-path="/ws/containers/{container.pk}/logs/"' in logs
    assert "&quot;exit_code&quot;: 127" in browser.get(f"/containers/{container.pk}/inspect/").content.decode()
    assert browser.get(f"/containers/{'0' * 64}/").status_code == 404


def test_the_form_asks_for_restarts_health_volumes_and_rights(admin: User, image: Image) -> None:
    given = {
        "image": "busybox",
        "network": "host",
        "restart": "on-failure",
        "restart_retries": "3",
        "health_command": "true",
        "health_retries": "2",
        "ttl_minutes": "1.5",
        "mounts": "data:/data:ro\n/etc:/host\n/scratch",
        "tmpfs": "/run",
        "cap_drop": "NET_RAW, chown",
        "privileged": "on",
        "shm_mib": "8",
    }
    signed_in(admin).post("/containers/create/", given)
    spec = Container.objects.get().spec
    assert spec["restart"] == {"name": "on-failure", "max_retries": 3}
    assert (spec["health"]["test"], spec["health"]["retries"]) == (["CMD-SHELL", "true"], 2)
    assert (spec["ttl_s"], spec["shm_size_bytes"], spec["privileged"]) == (90, 8 << 20, True)
    assert spec["cap_drop"] == ["NET_RAW", "chown"]
    mounts = [(mount["type"], mount["source"], mount["target"], mount["read_only"]) for mount in spec["mounts"]]
    assert mounts == [
        ("volume", "data", "/data", True),
        ("bind", "/etc", "/host", False),
        ("volume", "", "/scratch", False),
        ("tmpfs", "", "/run", False),
    ]


def test_the_form_takes_the_volumes_of_other_containers_and_says_which_is_not_there(
    operator: User, local: Host, image: Image
) -> None:
    source, browser = make(local, "database"), signed_in(operator)
    browser.post("/containers/create/", {"image": "busybox", "network": "none", "volumes_from": "database:ro\n"})
    assert Container.objects.exclude(pk=source.pk).get().spec["volumes_from"] == [f"{source.pk}:ro"]
    given = {"image": "busybox", "network": "none", "volumes_from": "nobody"}
    errors = browser.post("/containers/create/", given).context["form"].errors
    assert list(errors) == ["volumes_from"]
    assert "nobody" in str(errors)


def test_the_form_takes_images_whose_names_have_colons(operator: User, image: Image) -> None:
    given = {"image": "busybox", "network": "none", "images": "quay:5000/tools:1.0:/opt/tools\n/nothing"}
    errors = signed_in(operator).post("/containers/create/", given).context["form"].errors
    assert "must be the name or id of an image" in str(errors)
    given |= {"images": "quay:5000/tools:1.0:/opt/tools"}
    Image.objects.create(host=image.host, image_id="sha256:2b", references=["quay:5000/tools:1.0"])
    assert signed_in(operator).post("/containers/create/", given).status_code == 302
    (mount,) = Container.objects.get().spec["mounts"]
    assert (mount["type"], mount["source"], mount["target"]) == ("image", "quay:5000/tools:1.0", "/opt/tools")


def test_what_takes_trust_is_neither_shown_to_everyone_nor_taken_from_them(operator: User, image: Image) -> None:
    browser = signed_in(operator)
    page = browser.get("/containers/create/").content.decode()
    assert "Privileged" not in page
    assert 'value="host"' not in page
    for given in ({"privileged": "on"}, {"network": "host"}, {"mounts": "/etc:/host"}):
        answer = browser.post("/containers/create/", {"image": "busybox", "network": "none", **given})
        assert answer.status_code == 403
    assert AuditEntry.objects.filter(action="containers.create", outcome="denied").count() == 3
    assert not Container.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"restart": "always", "restart_retries": "2"}, "restart_retries"),
        ({"health_command": "true", "health_interval_s": "0"}, "health_interval_s"),
        ({"mounts": "data:relative"}, "mounts"),
        ({"cap_drop": "FLY"}, "cap_drop"),
        ({"ttl_minutes": "0"}, "ttl_minutes"),
        ({"memory_mib": "64", "memory_swap_mib": "32"}, "memory_swap_mib"),
    ],
)
def test_what_is_wrong_opens_its_section(operator: User, image: Image, given: dict[str, str], field: str) -> None:
    answer = signed_in(operator).post("/containers/create/", {"image": "busybox", "network": "none", **given})
    form = answer.context["form"]
    assert list(form.errors) == [field]
    opened = {bound.name for section in form.sections() if section.is_open for row in section.rows for bound in row}
    assert field in opened


def test_only_what_was_changed_on_the_page_is_changed(operator: User, local: Host) -> None:
    container = make(local, "web", status="running")
    container.spec["resources"] = {"memory_bytes": (64 << 20) + 1, "cpus": 0.5, "pids": 10}
    container.save()
    browser = signed_in(operator)
    assert b'value="64"' in browser.get(f"/containers/{container.pk}/change/").content
    browser.post(f"/containers/{container.pk}/change/", {"memory_mib": "64", "cpus": "", "pids": "20", "restart": "no"})
    assert Operation.objects.get().payload["change"] == {"resources": {"cpus": None, "pids": 20}}


def test_a_change_that_is_refused_is_said_beside_its_field(operator: User, local: Host) -> None:
    container = make(local, "web", status="running")
    make(local, "taken")
    browser = signed_in(operator)
    answer = browser.post(f"/containers/{container.pk}/change/", {"cpus": "9999", "restart": "no"})
    assert (answer.status_code, list(answer.context["limits"].errors)) == (422, ["cpus"])
    answer = browser.post(f"/containers/{container.pk}/rename/", {"name": "taken"})
    assert (answer.status_code, list(answer.context["rename"].errors)) == (422, ["name"])
    container.refresh_from_db()
    assert container.name == "web"


def test_a_viewer_changes_nothing(viewer: User, local: Host) -> None:
    container = make(local, "web", status="running")
    browser = signed_in(viewer)
    assert browser.get(f"/containers/{container.pk}/change/").status_code == 403
    assert browser.get("/containers/prune/").status_code == 403


@pytest.mark.parametrize(
    ("health", "words"), [("healthy", "Healthy"), ("unhealthy", "Unhealthy"), ("starting", "being checked")]
)
def test_health_is_told_in_the_state(viewer: User, local: Host, health: str, words: str) -> None:
    make(local, "web", status="running", health=health)
    assert words in signed_in(viewer).get("/containers/").content.decode()
    found = signed_in(viewer).get("/containers/?state=look").context["object_list"]
    assert len(found) == (health == "unhealthy")
