"""How operations go, as hosts report it: in any order, any number of times, and only by their own host."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.containers.models import Container
from panel.errors import Conflicting, Unreachable
from panel.hosts.models import Host
from panel.operations import interrupted, records, services, signals
from panel.operations.models import Operation
from tests.panel.conftest import Queue, acting
from tests.panel.containers.test_records import ENDED, ID, state

NOW = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def operation(local: Host, operator: User) -> Operation:
    """A start that was asked for."""
    Container.objects.create(id=ID, name="one", host=local, image="busybox", desired="running")
    return Operation.objects.create(
        kind="containers.start",
        host=local,
        object_kind="container",
        object_id=ID,
        object_name="one",
        payload={"id": ID},
        started_by=operator,
        started_by_name="olga",
        sent_at=timezone.now(),
    )


def finish(operation: Operation, outcome: str = "done", **more: Any) -> Operation:
    records.finished(host="local", operation=str(operation.pk), outcome=outcome, **more)
    operation.refresh_from_db()
    return operation


def test_an_operation_ends_with_what_it_left_on_the_host(operation: Operation) -> None:
    records.started(host="local", operation=str(operation.pk), at=NOW)
    finish(operation, containers=[state()], result={"x": 1})

    assert (operation.status, operation.result) == ("done", {"x": 1})
    assert operation.finished_at is not None
    assert Container.objects.get().status == "running"


def test_reports_that_come_late_or_twice_change_nothing(operation: Operation) -> None:
    finish(operation, "failed", error={"code": "conflict", "message": "no", "hint": ""})
    ended = operation.finished_at
    records.started(host="local", operation=str(operation.pk), at=NOW)
    records.progress(host="local", operation=str(operation.pk), steps=[{"name": "late"}])
    finish(operation)

    assert (operation.status, operation.finished_at, operation.steps) == ("failed", ended, [])
    assert AuditEntry.objects.count() == 1


def test_a_failure_is_an_audit_row_with_its_cause(operation: Operation) -> None:
    finish(operation, "failed", error={"code": "command-not-found", "message": "no such program", "hint": "look"})

    row = AuditEntry.objects.get()
    assert (row.action, row.outcome, row.detail) == ("containers.start", "failed", "no such program")
    assert (row.actor_name, row.how, row.object_name) == ("olga", "system", "one")
    assert operation.error == {"code": "command-not-found", "message": "no such program", "hint": "look"}


def test_the_step_that_was_being_done_is_the_one_that_failed(operation: Operation) -> None:
    steps = [
        {"name": "read", "status": "done"},
        {"name": "unpack", "status": "running"},
        {"name": "store", "status": "waiting"},
    ]
    records.progress(host="local", operation=str(operation.pk), steps=steps)
    finish(operation, "failed", error={"code": "invalid-archive", "message": "no", "hint": ""})

    assert [step["status"] for step in operation.steps] == ["done", "failed", "waiting"]


def test_a_create_that_failed_leaves_a_failed_container(operation: Operation) -> None:
    Operation.objects.update(kind="containers.create")
    finish(operation, "failed", error={"code": "kernel-error", "message": "mount failed", "hint": ""})

    container = Container.objects.get()
    assert (container.status, container.error) == ("failed", "mount failed")


@pytest.mark.parametrize("operation_id", ["nonsense", str(uuid.uuid4()), "", "0" * 500])
def test_a_report_on_what_is_no_operation_is_left_aside(operation: Operation, operation_id: str) -> None:
    records.finished(host="local", operation=operation_id, outcome="done", removed=[ID])

    assert Container.objects.exists()


def test_a_host_cannot_end_another_hosts_operation(operation: Operation) -> None:
    Host.objects.create(name="other")

    records.finished(host="other", operation=str(operation.pk), outcome="done", containers=[state(**ENDED)])

    operation.refresh_from_db()
    assert operation.status == "queued"


def test_an_outcome_nobody_knows_is_a_failure(operation: Operation) -> None:
    assert finish(operation, "splendid").status == "failed"


def test_steps_are_cut_to_what_a_page_can_show(operation: Operation) -> None:
    steps = [{"name": "x" * 999, "status": "?", "current": -1, "total": "9", "unit": None}, "no step"]
    records.progress(host="local", operation=str(operation.pk), steps=steps * 1000)

    operation.refresh_from_db()
    assert operation.status == "running"
    assert len(operation.steps) <= records.MOST_STEPS
    cut = {"name": "x" * 200, "status": "running", "current": 0, "total": 0, "unit": "", "phase": ""}
    assert operation.steps[0] == cut


def test_the_end_is_announced_after_the_commit(operation: Operation, redis_server: str, committed: Any) -> None:
    with redis.Redis.from_url(redis_server).pubsub() as channel:  # type: ignore[no-untyped-call]
        channel.subscribe(signals.CHANNEL)
        assert channel.get_message(timeout=2)["type"] == "subscribe"
        with committed():
            finish(operation)
            assert channel.get_message(timeout=0.05) is None
        message = channel.get_message(timeout=2)

    assert message["data"].decode() == str(operation.pk)


def test_a_removal_takes_the_container_away(operation: Operation) -> None:
    finish(operation, removed=[ID, None, "x"])

    assert not Container.objects.exists()


class TestInterrupted:
    """Operations whose host worker or broker failed them."""

    def test_what_a_worker_had_under_way_when_it_went_down_is_asked_again(
        self, operation: Operation, queue: Queue, committed: Any
    ) -> None:
        records.started(host="local", operation=str(operation.pk), at=NOW)
        with committed():
            interrupted.resume("local", timezone.now())

        operation.refresh_from_db()
        assert (operation.status, operation.attempts) == ("queued", 1)
        assert queue("host.local") == [("containers.start", {"operation": str(operation.pk), "id": ID})]

    def test_what_the_new_worker_has_begun_itself_is_left_alone(self, operation: Operation) -> None:
        records.started(host="local", operation=str(operation.pk), at=timezone.now().isoformat())

        interrupted.resume("local", timezone.now() - timedelta(minutes=1))

        operation.refresh_from_db()
        assert operation.status == "running"

    def test_it_is_given_up_after_five_times(self, operation: Operation) -> None:
        Operation.objects.update(status="running", started_at=timezone.now() - timedelta(minutes=1), attempts=5)

        interrupted.resume("local", timezone.now())

        operation.refresh_from_db()
        assert operation.error is not None
        assert (operation.status, operation.error["code"]) == ("failed", "interrupted")

    @pytest.mark.parametrize(
        ("queued_ago_s", "sent_ago_s", "is_sent"),
        [(2, None, True), (2, 2, False), (11, 11, True), (25, 11, False), (25, 14, True), (40, 25, True)],
    )
    def test_what_was_never_picked_up_is_sent_again_ever_more_rarely(
        self, operation: Operation, queue: Queue, queued_ago_s: int, sent_ago_s: int | None, is_sent: bool
    ) -> None:
        now = timezone.now()
        sent_at = None if sent_ago_s is None else now - timedelta(seconds=sent_ago_s)
        Operation.objects.update(queued_at=now - timedelta(seconds=queued_ago_s), sent_at=sent_at)

        assert interrupted.send_waiting() == int(is_sent)
        assert len(queue("host.local")) == int(is_sent)


class TestCancelling:
    """Taking an operation back."""

    def test_the_host_is_asked_to_stop(
        self, operation: Operation, operator: User, redis_server: str, committed: Any
    ) -> None:
        Host.objects.update(last_seen_at=timezone.now())
        with committed():
            services.cancel(actor=acting(operator), operation=operation)

        assert signals.is_cancel_requested(str(operation.pk))
        operation.refresh_from_db()
        assert operation.status == "queued"  # the host has the last word
        assert finish(operation, "cancelled").status == "cancelled"

    def test_what_a_host_that_is_away_never_picked_up_ends_at_once(
        self, operation: Operation, operator: User, redis_server: str, committed: Any
    ) -> None:
        with committed():
            services.cancel(actor=acting(operator), operation=operation)

        operation.refresh_from_db()
        assert operation.status == "cancelled"

    def test_a_container_that_will_not_be_created_says_so(
        self, operation: Operation, operator: User, redis_server: str
    ) -> None:
        Operation.objects.update(kind="containers.create")
        operation.refresh_from_db()

        services.cancel(actor=acting(operator), operation=operation)

        container = Container.objects.get()
        assert (container.status, container.error) == ("failed", "cancelled")

    def test_what_a_host_may_have_is_not_cancelled_behind_its_back(
        self, operation: Operation, operator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nowhere = redis.Redis.from_url("unix:///nonexistent/redis.sock")
        monkeypatch.setattr(signals, "client", lambda: nowhere)

        with pytest.raises(Unreachable):
            services.cancel(actor=acting(operator), operation=operation)

        operation.refresh_from_db()
        assert (operation.status, operation.cancel_requested_at) == ("queued", None)

    def test_what_has_ended_cannot_be_cancelled(self, operation: Operation, operator: User) -> None:
        finish(operation)

        with pytest.raises(Conflicting):
            services.cancel(actor=acting(operator), operation=operation)


@pytest.fixture
def renaming(operation: Operation) -> Operation:
    """A container that is called "two" here already, and "one" on its host still."""
    Container.objects.update(name="two", spec={"name": "two", "image": "busybox"})
    Operation.objects.update(kind="containers.rename", payload={"id": ID, "name": "two"})
    operation.refresh_from_db()
    return operation


def test_a_name_the_host_did_not_take_is_given_back(renaming: Operation) -> None:
    finish(renaming, "failed", error={"code": "conflict", "message": "no", "hint": ""})
    container = Container.objects.get()
    assert (container.name, container.spec["name"]) == ("one", "one")


def test_a_name_is_kept_that_the_host_took_or_that_is_newer(renaming: Operation) -> None:
    finish(renaming)
    assert Container.objects.get().name == "two"
    Operation.objects.update(status="running")
    Container.objects.update(name="three")
    finish(renaming, "failed")
    assert Container.objects.get().name == "three"


def test_a_name_that_was_taken_meanwhile_cannot_be_given_back(renaming: Operation, local: Host) -> None:
    Container.objects.create(name="one", host=local, image="busybox")
    finish(renaming, "failed")
    assert Container.objects.get(pk=ID).name == "two"


@pytest.mark.parametrize(("outcome", "memory"), [("done", 1 << 26), ("failed", None), ("cancelled", None)])
def test_a_specification_follows_when_its_host_has_changed_the_container(
    operation: Operation, outcome: str, memory: int | None
) -> None:
    Container.objects.update(spec={"name": "one", "image": "busybox", "resources": {"cpus": 1.0}})
    change = {"resources": {"memory_bytes": 1 << 26, "cpus": None}, "restart": {"name": "always"}}
    Operation.objects.update(kind="containers.update", payload={"id": ID, "change": change})
    finish(operation, outcome)
    spec = Container.objects.get().spec
    assert spec["resources"].get("memory_bytes") == memory
    assert spec["resources"]["cpus"] == (None if memory else 1.0)
    assert spec.get("restart", {}).get("name") == ("always" if memory else None)
