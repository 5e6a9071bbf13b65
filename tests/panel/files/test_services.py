"""Who may look at and change files, and what the audit log keeps of it."""

from typing import Any

import pytest
from django.test import Client

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.containers.models import Container
from panel.errors import NotPermitted
from panel.files import services
from panel.files.places import of_container, of_volume
from panel.hosts.models import Host
from panel.operations.models import Operation
from tests.panel.conftest import acting


@pytest.fixture
def container(local: Host) -> Container:
    return Container.objects.create(name="one", host=local, image="busybox", spec={"name": "one", "image": "busybox"})


def rows() -> list[tuple[str, str, Any]]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "outcome", "after"))


def test_a_folder_that_is_listed_again_and_again_is_one_row(operator: User, admin: User, container: Container) -> None:
    place, told = of_container(container), {"path": "/etc"}
    for user, path in ((operator, told), (operator, told), (operator, {"path": "/"}), (admin, told), (operator, told)):
        services.at(place).read(actor=acting(user), place=place, verb="list", told=path)
    assert [after["path"] for _, _, after in rows()] == ["/etc", "/", "/etc"]
    for _ in range(2):
        services.at(place).read(actor=acting(operator), place=place, verb="view", told=told)
    assert [action for action, _, _ in rows()][3:] == ["files.view", "files.view"]


def test_files_of_a_container_that_has_more_of_its_host_take_more(
    operator: User, admin: User, container: Container
) -> None:
    container.spec["privileged"] = True
    container.save()
    place = of_container(container)
    with pytest.raises(NotPermitted, match=r"containers\.create_privileged"):
        services.at(place).read(actor=acting(operator), place=place, verb="view", told={"path": "/etc/shadow"})
    services.at(place).read(actor=acting(admin), place=place, verb="view", told={"path": "/etc/shadow"})
    assert [(action, outcome) for action, outcome, _ in rows()] == [("files.read", "denied"), ("files.view", "allowed")]


@pytest.mark.usefixtures("queue")
def test_a_change_is_asked_of_the_host_and_written_down_without_its_upload(operator: User, local: Host) -> None:
    place = of_volume("data")
    ticket = services.at(place).allow_put(actor=acting(operator), place=place, path="/a", replaces=True, digest="")
    operation = ticket.arrived(ticket, 3)
    assert operation.payload | {"upload": ""} == {
        "container": "",
        "volume": "data",
        "path": "/a",
        "upload": "",
        "replaces": True,
        "digest": "",
    }
    assert rows() == [("files.put", "allowed", {"path": "/a", "replaces": True})]
    assert Operation.objects.get().object_kind == "volume"


def test_who_may_not_is_refused_the_page_and_that_is_written_down(
    viewer: User, container: Container, client: Client
) -> None:
    client.force_login(viewer)
    for address in (f"/containers/{container.pk}/files/", "/volumes/data/files/"):
        assert client.get(address).status_code == 403
    assert [(action, outcome) for action, outcome, _ in rows()][1:] == [("pages.open", "denied")] * 2
    assert b"/files/" not in client.get(f"/containers/{container.pk}/").content


def test_what_can_be_no_volume_has_no_page(admin: User, client: Client) -> None:
    client.force_login(admin)
    for name in ("data%3Fx", "..", ".data", "data"):  # there is no host that could have the last
        assert client.get(f"/volumes/{name}/files/").status_code == 404
