"""Backups by the clock: when they are due, what is asked of the host then, and what becomes of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from panel.accounts.models import User
from panel.errors import Invalid, Missing
from panel.hosts.models import Host
from panel.operations import endings
from panel.operations.models import Operation
from panel.volumes import beat, schedules, services
from panel.volumes.models import BackupSchedule
from tests.panel.conftest import acting, rest


@pytest.fixture
def online(local: Host) -> Host:
    """The host, whose worker is there."""
    local.last_seen_at = timezone.now()
    local.save()
    return local


def scheduled(actor: User, host: Host, **asked: Any) -> BackupSchedule:
    return schedules.schedule(actor=acting(actor), host=host, name="stock", asked=asked)


def make_due(row: BackupSchedule, ago: timedelta) -> None:
    BackupSchedule.objects.filter(pk=row.pk).update(due_at=timezone.now() - ago)


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("hourly", datetime(2026, 3, 12, 14, 30, tzinfo=UTC)),
        ("daily", datetime(2026, 3, 13, 3, 30, tzinfo=UTC)),
        ("weekly", datetime(2026, 3, 15, 3, 30, tzinfo=UTC)),
        ("monthly", datetime(2026, 4, 1, 3, 30, tzinfo=UTC)),
    ],
)
def test_the_next_time_is_the_first_that_is_named_after_now(period: str, expected: datetime) -> None:
    row = BackupSchedule(volume="stock", period=period, hour=3, minute=30, weekday=6)
    assert row.next_after(datetime(2026, 3, 12, 13, 30, tzinfo=UTC)) == expected


def test_what_is_due_is_asked_for_once_with_the_rules_for_what_stays(operator: User, online: Host) -> None:
    row = scheduled(operator, online, freeze=True, keep_last=3)
    beat.back_up_due()
    assert not Operation.objects.exists()
    make_due(row, timedelta(minutes=1))
    beat.back_up_due()
    beat.back_up_due()
    operation = Operation.objects.get()
    assert operation.payload["freeze"] is True
    assert operation.payload["retention"] == {"last": 3, "daily": 7, "weekly": 4, "monthly": 0}
    row.refresh_from_db()
    assert row.due_at > timezone.now()
    assert row.missed_at is None


def test_a_missed_one_is_noticed_and_made_when_its_host_is_there_again(operator: User, online: Host) -> None:
    row = scheduled(operator, online)
    make_due(row, timedelta(days=3))
    Host.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))
    beat.back_up_due()
    assert not Operation.objects.exists()
    Host.objects.update(last_seen_at=timezone.now())
    beat.back_up_due()
    row.refresh_from_db()
    assert row.missed_at is not None
    assert row.missed_at < timezone.now() - timedelta(days=2)
    assert Operation.objects.count() == 1


def test_a_failure_is_told_until_one_succeeds(operator: User, online: Host) -> None:
    row = scheduled(operator, online)
    for error in ({"code": "storage-full", "message": "the disk is full"}, None):
        make_due(row, timedelta(minutes=1))
        beat.back_up_due()
        operation = Operation.objects.open().get()
        endings.end(operation, "failed" if error else "done", error=error)
        row.refresh_from_db()
        assert row.error == ("the disk is full" if error else "")
    assert row.failed_at is not None
    assert row.done_at is not None


def test_a_schedule_goes_with_its_volume_and_has_its_name(operator: User, online: Host) -> None:
    scheduled(operator, online)
    renamed = Operation.objects.create(kind="volumes.rename", host=online, payload={"name": "stock", "new_name": "new"})
    endings.end(renamed, "done", error=None)
    assert BackupSchedule.objects.get().volume == "new"
    endings.end(services.remove(actor=acting(operator), host=online, name="new"), "done", error=None)
    assert not BackupSchedule.objects.exists()


def test_what_makes_no_sense_is_refused_by_its_name(operator: User, local: Host) -> None:
    for asked, field in (({"period": "often"}, "period"), ({"hour": 24}, "hour"), ({"colour": 1}, "colour")):
        with pytest.raises(Invalid) as refused:
            scheduled(operator, local, **asked)
        assert refused.value.field == field
    with pytest.raises(Missing):
        schedules.unschedule(actor=acting(operator), host=local, name="stock")


def test_it_is_set_shown_and_ended_over_rest(operator: User, local: Host) -> None:
    client = rest(operator)
    address = "/api/v1/volumes/stock/schedule/"
    assert client.get(address).status_code == 404
    asked = {"period": "weekly", "weekday": 6, "keep_daily": 0}
    made = client.put(address, asked, content_type="application/json")
    assert made.status_code == 200
    assert client.get(address).json() == made.json()
    assert made.json().items() >= asked.items()
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
