"""What gives a container more of its host is for those who are trusted with that, and so is working inside one."""

from typing import Any

import pytest

from engine import JOINABLE
from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.containers import services
from panel.containers.models import Container
from panel.errors import Invalid, NotPermitted
from panel.hosts.models import Host
from panel.images.models import Image
from tests.panel.conftest import acting

BIND = {"mounts": [{"type": "bind", "source": "/etc", "target": "/host"}]}


def make(host: Host, name: str, **spec: Any) -> Container:
    asked = {"name": name, "image": "busybox", **spec}
    return Container.objects.create(name=name, host=host, image="busybox", status="running", spec=asked)


@pytest.mark.parametrize(
    ("spec", "named"), [({"privileged": True}, "privileged"), ({"userns": "host"}, "userns"), (BIND, "mounts")]
)
def test_only_an_admin_creates_what_is_given_more_and_a_refusal_says_for_what(
    admin: User, operator: User, image: Image, spec: dict[str, Any], named: str
) -> None:
    with pytest.raises(NotPermitted, match=f"containers.create_privileged for {named}"):
        services.create(actor=acting(operator), spec={"image": "busybox", **spec})
    row = AuditEntry.objects.get()
    assert (row.action, row.outcome) == ("containers.create", "denied")
    assert row.detail == f"needs containers.create_privileged for {named}"
    assert not Container.objects.exists()

    assert services.create(actor=acting(admin), spec={"image": "busybox", **spec}).kind == "containers.create"


def test_joining_what_is_given_more_takes_the_same_however_long_the_way(operator: User, image: Image) -> None:
    make(image.host, "rooted", privileged=True)
    make(image.host, "between", pid="container:rooted")

    for partner in ("rooted", "between"):
        with pytest.raises(NotPermitted, match="for network"):
            services.create(actor=acting(operator), spec={"image": "busybox", "network": f"container:{partner}"})


@pytest.mark.parametrize("field", JOINABLE)
def test_no_namespace_is_a_way_to_what_is_given_more(operator: User, image: Image, field: str) -> None:
    make(image.host, "rooted", userns="host")

    with pytest.raises(NotPermitted, match=f"for {field}"):
        services.create(actor=acting(operator), spec={"image": "busybox", field: "container:rooted"})


def test_the_volumes_of_what_is_given_more_take_the_same(operator: User, image: Image) -> None:
    make(image.host, "rooted", **BIND)
    plain = make(image.host, "plain")

    with pytest.raises(NotPermitted, match="for volumes_from"):
        services.create(actor=acting(operator), spec={"image": "busybox", "volumes_from": ["rooted:ro"]})
    operation = services.create(actor=acting(operator), spec={"image": "busybox", "volumes_from": ["plain:ro"]})
    assert operation.payload["spec"]["volumes_from"] == [f"{plain.pk}:ro"]


def test_a_log_server_of_ones_own_choice_takes_it_to_create_and_not_to_work_inside(
    admin: User, operator: User, image: Image
) -> None:
    log = {"driver": "syslog", "options": {"syslog-address": "tcp://10.0.0.1:601"}}

    with pytest.raises(NotPermitted, match=r"for log\.options\.syslog-address"):
        services.create(actor=acting(operator), spec={"image": "busybox", "log": log})
    services.create(actor=acting(operator), spec={"image": "busybox", "log": {"driver": "syslog"}})
    services.create(actor=acting(admin), spec={"image": "busybox", "log": log})
    services.execute(actor=acting(operator), container=make(image.host, "sends", log=log), spec={"command": ["true"]})


def test_what_came_from_others_counts_when_these_are_gone_too(admin: User, operator: User, image: Image) -> None:
    rooted, plain = make(image.host, "rooted", **BIND), make(image.host, "plain")
    made = [
        services.create(actor=acting(admin), spec={"image": "busybox", "volumes_from": [source]}).object_id
        for source in ("rooted", "plain")
    ]
    rooted.delete()
    plain.delete()
    given_more, given_no_more = (Container.objects.get(pk=pk) for pk in made)

    with pytest.raises(NotPermitted, match="for volumes_from"):
        services.execute(actor=acting(operator), container=given_more, spec={"command": ["true"]})
    services.execute(actor=acting(operator), container=given_no_more, spec={"command": ["true"]})


def test_a_partner_is_kept_by_its_id_since_names_can_change_hands(operator: User, image: Image) -> None:
    partner = make(image.host, "plain")

    operation = services.create(actor=acting(operator), spec={"image": "busybox", "pid": "container:plain"})
    assert operation.payload["spec"]["pid"] == f"container:{partner.pk}"
    with pytest.raises(Invalid) as refused:
        services.create(actor=acting(operator), spec={"image": "busybox", "ipc": "container:nobody"})
    assert refused.value.field == "ipc"


def test_working_inside_what_is_given_more_takes_the_same(admin: User, operator: User, local: Host) -> None:
    rooted, plain = make(local, "rooted", **BIND), make(local, "plain")
    command = {"command": ["id"]}

    services.execute(actor=acting(operator), container=plain, spec=command)
    services.allow_copy_out(actor=acting(operator), container=plain, path="/etc")
    services.execute(actor=acting(admin), container=rooted, spec=command)
    with pytest.raises(NotPermitted, match="for mounts"):
        services.execute(actor=acting(operator), container=rooted, spec=command)
    with pytest.raises(NotPermitted, match="for privileged"):
        services.execute(actor=acting(operator), container=plain, spec={**command, "privileged": True})
    with pytest.raises(NotPermitted):
        services.allow_copy_out(actor=acting(operator), container=rooted, path="/host/shadow")
    with pytest.raises(NotPermitted):
        services.allow_copy_in(actor=acting(operator), container=rooted, path="/host")


def test_what_is_not_known_of_a_container_is_not_trusted(operator: User, local: Host) -> None:
    found = Container.objects.create(name="found", host=local, image="busybox", spec={})

    with pytest.raises(NotPermitted, match="for spec"):
        services.allow_export(actor=acting(operator), container=found)


def test_opening_further_devices_later_takes_the_same(operator: User, local: Host) -> None:
    with pytest.raises(NotPermitted, match="for device_cgroup_rules"):
        services.update(
            actor=acting(operator), container=make(local, "one"), change={"device_cgroup_rules": ["c 1:1 rw"]}
        )
