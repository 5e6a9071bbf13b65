"""What hosts report about containers: the newer report wins, whatever the order."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from panel.audit.models import AuditEntry
from panel.containers import records
from panel.containers.models import Container
from panel.hosts.models import Host
from panel.operations.models import Operation
from panel.pages.templatetags.states import container_state

ID = "ab" * 32
SOON = timezone.now() + timedelta(hours=1)


def state(**changes: Any) -> dict[str, Any]:
    """What the engine tells of a running container."""
    return {
        "id": ID,
        "name": "one",
        "image": "sha256:" + "1a" * 32,
        "seq": 5,
        "run": 1,
        "status": "running",
        "pid": 42,
        "created_at": "2026-01-01T00:00:00.000000Z",
        "started_at": "2026-01-01T00:00:01.500000Z",
        "finished_at": "",
        "exit_code": None,
        "oom_killed": False,
        "error": "",
    } | changes


ENDED = {"seq": 6, "status": "exited", "pid": 0, "exit_code": 137, "oom_killed": True}


@pytest.fixture
def container(local: Host) -> Container:
    """A container the panel knows."""
    return Container.objects.create(id=ID, name="one", host=local, image="busybox", desired="running")


def test_a_newer_state_is_written_down(container: Container) -> None:
    records.observed(host="local", containers=[state(), state(**ENDED, mounted_images=["sha256:2b"])])

    container.refresh_from_db()
    assert list(Container.objects.using_image("sha256:2b")) == [container]
    assert (container.status, container.exit_code, container.oom_killed, container.seq) == ("exited", 137, True, 6)
    assert container.started_at is not None
    assert container.started_at.isoformat() == "2026-01-01T00:00:01.500000+00:00"
    assert container.needs_look
    assert container in Container.objects.unhealthy()


@pytest.mark.parametrize(("status", "needs_look"), [("paused", False), ("restarting", True)])
def test_what_is_paused_or_between_two_runs_counts_as_running(
    container: Container, status: str, needs_look: bool
) -> None:
    records.observed(host="local", containers=[state(seq=7, status=status, exit_code=1)])

    container.refresh_from_db()
    assert container.status == status
    assert container.is_running
    assert container in Container.objects.running()
    assert (container.needs_look, container in Container.objects.unhealthy()) == (needs_look, needs_look)
    assert container_state(container)


def test_what_went_after_its_end_is_gone_here_too_and_audited(container: Container) -> None:
    records.observed(host="other", containers=[], removed=[ID])
    assert Container.objects.filter(pk=ID).exists()

    records.observed(host="local", containers=[], removed=[ID, None, "x"])

    assert not Container.objects.exists()
    assert AuditEntry.objects.get().action == "containers.expired"


def test_a_late_state_does_not_overwrite_a_newer_one(container: Container) -> None:
    records.observed(host="local", containers=[state(**ENDED)])
    records.observed(host="local", containers=[state(), state(seq=6)])

    container.refresh_from_db()
    assert container.status == "exited"


def test_a_host_cannot_report_on_another_hosts_container(container: Container) -> None:
    Host.objects.create(name="other")

    records.observed(host="other", containers=[state(**ENDED)])
    records.remove("other", [ID])

    container.refresh_from_db()
    assert container.status == "creating"


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "text",
        {},
        state(id="../../etc"),
        state(status="flying"),
        state(seq="9"),
        state(seq=9, more="x"),
        state(seq=9, pid=-1),
        state(seq=9, exit_code="1"),
    ],
)
def test_a_malformed_state_is_left_aside_and_the_rest_counts(container: Container, bad: Any) -> None:
    records.observed(host="local", containers=[bad, state(seq=7)])

    container.refresh_from_db()
    assert container.seq == 7


def test_an_exit_of_a_container_removed_meanwhile_does_not_bring_it_back(local: Host) -> None:
    records.observed(host="local", containers=[state(**ENDED)])

    assert not Container.objects.exists()


def test_a_full_report_brings_back_what_the_database_lost(local: Host) -> None:
    records.reconcile("local", [state()], {ID: {"image": "busybox:latest", "name": "one"}}, SOON)

    found = Container.objects.get()
    assert (found.id, found.name, found.image, found.status, found.desired) == (
        ID,
        "one",
        "busybox:latest",
        "running",
        "running",
    )
    assert found.created_at.year == 2026
    assert (AuditEntry.objects.get().action, AuditEntry.objects.get().how) == ("containers.found", "system")


def test_a_found_container_whose_name_is_taken_is_told_apart(local: Host) -> None:
    Container.objects.create(name="one", host=local, image="busybox", status="failed")

    records.reconcile("local", [state()], {}, SOON)

    assert Container.objects.get(pk=ID).name == f"one-{ID[:12]}"


def test_a_container_its_host_no_longer_has_is_removed_with_an_audit_row(container: Container) -> None:
    records.reconcile("local", [], {}, SOON)

    assert not Container.objects.exists()
    assert AuditEntry.objects.get().action == "containers.vanished"


def test_a_container_that_is_still_to_be_created_stays(container: Container) -> None:
    Operation.objects.create(kind="containers.create", host_id="local", object_kind="container", object_id=ID)

    records.reconcile("local", [], {}, SOON)

    assert Container.objects.exists()


def test_a_container_created_after_the_report_was_taken_stays(container: Container) -> None:
    records.reconcile("local", [], {}, timezone.now() - timedelta(minutes=1))

    assert Container.objects.exists()


def ended_operation(kind: str, *, seconds_ago: float) -> None:
    """One about the container, that has ended."""
    finished_at = timezone.now() - timedelta(seconds=seconds_ago)
    about = {"host_id": "local", "object_kind": "container", "object_id": ID}
    Operation.objects.create(kind=kind, status="done", finished_at=finished_at, **about)


def test_a_report_taken_before_a_creation_ended_does_not_undo_it(container: Container) -> None:
    ended_operation("containers.create", seconds_ago=1)
    Container.objects.update(created_at=timezone.now() - timedelta(seconds=3))

    records.reconcile("local", [], {}, timezone.now() - timedelta(seconds=2))

    assert Container.objects.exists()


def test_a_report_taken_before_a_removal_ended_does_not_bring_the_container_back(local: Host) -> None:
    ended_operation("containers.remove", seconds_ago=1)

    records.reconcile("local", [state()], {}, timezone.now() - timedelta(seconds=2))
    assert not Container.objects.exists()

    records.reconcile("local", [state()], {}, timezone.now())
    assert Container.objects.exists()


def test_what_needs_a_look_comes_first(local: Host) -> None:
    def make(name: str, **columns: Any) -> None:
        Container.objects.create(name=name, host=local, image="busybox", **columns)

    make("stopped", status="exited", exit_code=143, desired="stopped")
    make("up", status="running", desired="running")
    make("crashed", status="exited", exit_code=1, desired="running")
    make("finished", status="exited", exit_code=0, desired="running")

    assert [c.name for c in Container.objects.unhealthy_first()] == ["crashed", "up", "finished", "stopped"]
