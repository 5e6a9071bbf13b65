"""What is refused before a host is asked, and what a host is asked."""

from typing import Any

import pytest

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.celery import configured
from panel.containers import services
from panel.containers.models import Container
from panel.errors import Conflicting, Invalid
from panel.hosts.models import Host
from panel.images.models import Image
from panel.operations.models import Operation
from tests.panel.conftest import IMAGE_ID, Queue, acting

SPEC = {"name": "one", "image": "busybox"}


def make(host: Host, **columns: Any) -> Container:
    """A container of that host."""
    return Container.objects.create(**{"name": "one", "host": host, "image": "busybox", "spec": {}} | columns)


def test_creating_writes_container_operation_and_audit_row_and_asks_the_host(
    operator: User, image: Image, queue: Queue, committed: Any
) -> None:
    spec = {"name": "web", "image": "busybox", "command": ["sleep", "1"], "resources": {"memory_bytes": 8 << 20}}
    with committed():
        operation = services.create(actor=acting(operator), spec=spec)

    container = Container.objects.get(pk=operation.object_id)
    assert (container.name, container.status, container.desired) == ("web", "creating", "running")
    assert (container.image_id, container.created_by) == (IMAGE_ID, operator)
    assert operation.started_by_name == "olga"
    row = AuditEntry.objects.get()
    assert (row.action, row.outcome) == ("containers.create", "allowed")
    assert row.after is not None
    assert row.after["command"] == ["sleep", "1"]
    expected = {"operation": str(operation.pk), "id": container.id, "spec": container.spec, "start": True}
    assert queue("host.local") == [("containers.create", expected)]


def test_nothing_is_sent_before_the_commit(operator: User, image: Image, queue: Queue, committed: Any) -> None:
    with committed():
        services.create(actor=acting(operator), spec={"image": "busybox"})
        assert queue("host.local") == []

    assert len(queue("host.local")) == 1


def test_without_a_broker_the_operation_waits(
    operator: User, image: Image, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = configured("nowhere", (), acks_late=False, visibility_timeout_s=60)
    nowhere.conf.update(broker_url="redis+socket:///nonexistent/redis.sock")
    monkeypatch.setattr("panel.operations.services.app", nowhere)
    with committed():
        operation = services.create(actor=acting(operator), spec={"image": "busybox"})

    operation.refresh_from_db()
    assert (operation.status, operation.sent_at) == (Operation.Status.QUEUED, None)


def test_a_container_without_a_name_gets_a_friendly_one(operator: User, image: Image) -> None:
    operation = services.create(actor=acting(operator), spec={"image": "busybox", "name": ""})

    assert len(operation.object_name) > 8


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"name": "bad name"}, "name"),
        ({"name": []}, "name"),
        ({"image": "no/such:image"}, "image"),
        ({"image": ""}, "image"),
        ({"resources": {"memory_bytes": 1}}, "resources.memory_bytes"),
        ({"resources": {"cpus": 0}}, "resources.cpus"),
        ({"resources": {"pids": -1}}, "resources.pids"),
        ({"env": ["novalue"]}, "env[0]"),
        ({"cwd": "relative"}, "cwd"),
        ({"network": "bridge!"}, "network"),
        ({"unknown": 1}, "unknown"),
        ({"command": "sleep 1"}, "command"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_left(
    operator: User, image: Image, spec: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        services.create(actor=acting(operator), spec={"image": "busybox"} | spec)

    assert refused.value.field == field
    assert not Container.objects.exists()
    assert not Operation.objects.exists()


def test_a_name_that_is_taken_is_refused(operator: User, image: Image) -> None:
    make(image.host, name="web")

    with pytest.raises(Conflicting) as refused:
        services.create(actor=acting(operator), spec={"image": "busybox", "name": "web"})

    assert refused.value.field == "name"


@pytest.mark.parametrize(
    ("verb", "arguments", "desired"),
    [
        ("start", {}, "running"),
        ("stop", {"signal": None, "timeout_s": 3.0}, "stopped"),
        ("kill", {"signal": "KILL"}, "stopped"),
        ("kill", {"signal": "HUP"}, "running"),
        ("restart", {"timeout_s": None}, "running"),
        ("pause", {}, "running"),
        ("unpause", {}, "running"),
        ("update", {"change": {"resources": {"memory_bytes": 8 << 20, "cpus": None}}}, "running"),
    ],
)
def test_a_verb_notes_what_should_be_and_asks_the_host(
    operator: User, local: Host, queue: Queue, committed: Any, verb: str, arguments: dict[str, Any], desired: str
) -> None:
    container = make(local, status="running", desired="running", spec=SPEC)
    with committed():
        operation = getattr(services, verb)(actor=acting(operator), container=container, **arguments)

    container.refresh_from_db()
    assert container.desired == desired
    who = {"asked_by": operator.get_username()} if verb in ("stop", "kill", "restart") else {}
    sent = {"operation": str(operation.pk), "id": container.id} | arguments | who
    assert queue("host.local") == [(f"containers.{verb}", sent)]
    assert AuditEntry.objects.get().action == f"containers.{verb}"


@pytest.mark.parametrize(
    ("verb", "arguments", "field"),
    [
        ("stop", {"signal": "NONSENSE"}, "signal"),
        ("stop", {"timeout_s": -1.0}, "timeout_s"),
        ("kill", {"signal": "99999"}, "signal"),
        ("restart", {"timeout_s": 1e9}, "timeout_s"),
    ],
)
def test_a_bad_signal_or_grace_period_is_named_before_the_host_is_asked(
    operator: User, local: Host, verb: str, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        getattr(services, verb)(actor=acting(operator), container=make(local), **arguments)

    assert refused.value.field == field
    assert not Operation.objects.exists()


def test_a_running_container_is_removed_only_by_force(operator: User, local: Host) -> None:
    container = make(local, status="running")

    with pytest.raises(Conflicting):
        services.remove(actor=acting(operator), container=container)
    assert services.remove(actor=acting(operator), container=container, force=True).payload["force"] is True


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"resources": {"memory_bytes": 1}}, "resources.memory_bytes"),
        ({"resources": {"hats": 1}}, "resources.hats"),
        ({"restart": {"name": "sometimes"}}, "restart.name"),
        ({"image": "other"}, "image"),
    ],
)
def test_a_change_that_cannot_be_is_named_before_the_host_is_asked(
    operator: User, local: Host, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        services.update(actor=acting(operator), container=make(local, spec=SPEC), change=change)

    assert refused.value.field == field
    assert not Operation.objects.exists()


def test_a_new_name_counts_here_at_once_and_must_be_free(operator: User, local: Host) -> None:
    container = make(local, spec=SPEC)
    make(local, name="two")

    operation = services.rename(actor=acting(operator), container=container, name="three")
    assert operation.payload == {"id": container.id, "name": "three"}
    assert operation.object_name == "one"
    container.refresh_from_db()
    assert (container.name, container.spec["name"]) == ("three", "three")
    with pytest.raises(Conflicting) as refused:
        services.rename(actor=acting(operator), container=container, name="two")
    assert refused.value.field == "name"
    with pytest.raises(Invalid):
        services.rename(actor=acting(operator), container=container, name="no name")


def test_a_program_is_run_by_name_and_for_a_time_that_is_bounded(operator: User, local: Host) -> None:
    container = make(local, status="running", spec=SPEC)

    operation = services.execute(actor=acting(operator), container=container, spec={"command": ["id"]}, timeout_s=5)
    assert operation.kind == "containers.exec"
    assert operation.payload["spec"] == {"command": ["id"]}
    for spec, timeout_s, field in (({"command": []}, 5.0, "command"), ({"command": ["id"]}, 1e6, "timeout_s")):
        with pytest.raises(Invalid) as refused:
            services.execute(actor=acting(operator), container=container, spec=spec, timeout_s=timeout_s)
        assert refused.value.field == field


def test_a_prune_is_about_its_host(operator: User, local: Host) -> None:
    operation = services.prune(actor=acting(operator), filters={"labels": ["ci"]})

    assert (operation.object_kind, operation.object_id) == ("host", "local")
    assert operation.payload == {"filters": {"labels": ["ci"]}, "asked_by": "olga"}
    with pytest.raises(Invalid):
        services.prune(actor=acting(operator), filters={"label": ["ci"]})
