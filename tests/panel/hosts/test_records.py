"""What hosts report about themselves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command

from panel.audit.models import AuditEntry
from panel.containers.models import Container
from panel.hosts import records
from panel.hosts.models import Host
from panel.images.models import Image
from panel.operations.models import Operation
from panel.secrets.sealing import HostKey
from tests.panel.conftest import Queue
from tests.panel.containers.test_records import ID, state
from tests.panel.images.test_records import told


def report(**changes: Any) -> None:
    now = datetime.now(UTC).isoformat()
    arguments: dict[str, Any] = {
        "host": "local",
        "started_at": now,
        "taken_at": now,
        "capabilities": {"kernel": "6.1"},
        "containers": [state()],
        "specs": {},
        "images": [told(1)],
    }
    records.started(**arguments | changes)


def test_a_full_report_rebuilds_what_the_panel_knows_of_a_host(local: Host) -> None:
    report()

    local.refresh_from_db()
    assert local.capabilities == {"kernel": "6.1"}
    assert local.is_online
    assert Container.objects.get().id == ID
    assert Image.objects.count() == 1


def test_what_was_under_way_is_asked_again(local: Host, queue: Queue, committed: Any) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=1)
    operation = Operation.objects.create(
        kind="containers.start", host=local, payload={"id": ID}, status="running", started_at=begun, sent_at=begun
    )
    with committed():
        report()

    assert queue("host.local") == [("containers.start", {"operation": str(operation.pk), "id": ID})]


def test_a_host_nobody_added_is_not_believed(db: None) -> None:
    report(host="intruder")
    records.heartbeat(host="intruder", at="")

    assert not Host.objects.exists()
    assert not Container.objects.exists()


def test_a_report_without_a_time_is_left_aside(local: Host) -> None:
    report(started_at="yesterday")

    assert not Container.objects.exists()


def test_a_heartbeat_counts_by_the_panels_clock(local: Host) -> None:
    records.heartbeat(host="local", at="1999-01-01T00:00:00+00:00")

    local.refresh_from_db()
    assert local.is_online


def test_a_host_that_was_silent_for_a_while_is_offline(local: Host) -> None:
    local.last_seen_at = datetime.now(UTC) - timedelta(minutes=1)

    assert not local.is_online


def test_the_first_key_a_host_tells_is_its_key(local: Host, tmp_path: Path) -> None:
    first, second = HostKey.of(tmp_path / "1").public, HostKey.of(tmp_path / "2").public

    report(sealing_key="no key")
    local.refresh_from_db()
    assert local.sealing_key == ""
    for key in (first, second):
        report(sealing_key=key)
        local.refresh_from_db()
        assert local.sealing_key == first

    call_command("host", "forget-key", "local")
    report(sealing_key=second)
    local.refresh_from_db()
    assert local.sealing_key == second
    assert AuditEntry.objects.get(action="hosts.forget_key").object_name == "local"
