"""The audit log cannot be changed unnoticed."""

import threading
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, connections

from panel.accounts.actors import Actor
from panel.accounts.models import User
from panel.audit import chain
from panel.audit.models import AuditEntry
from panel.audit.services import record
from panel.audit.subject import Subject
from tests.panel.conftest import acting

ACTOR = Actor.system("test")


def write(count: int) -> None:
    for number in range(count):
        record(actor=ACTOR, action=f"test.{number}", after={"number": number, "cpus": 1.0, "name": "ü\0"})


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def broken_at() -> int | None:
    broken = chain.verify()
    return broken.number if broken else None


def test_an_untouched_log_holds(admin: User) -> None:
    write(3)
    record(actor=acting(admin), action="x", subject=Subject("container", "id", "name"), before=[1.5], detail="why")

    assert broken_at() is None


def test_an_empty_log_holds(db: None) -> None:
    assert broken_at() is None


@pytest.mark.parametrize(
    ("tampering", "row"),
    [
        ("UPDATE audit_auditentry SET actor_name = 'someone else' WHERE number = 3", 3),
        ("UPDATE audit_auditentry SET after = '{}' WHERE number = 2", 2),
        ("UPDATE audit_auditentry SET outcome = 'denied' WHERE number = 5", 5),
        ("DELETE FROM audit_auditentry WHERE number = 3", 3),
        ("DELETE FROM audit_auditentry WHERE number = 1", 1),
        ("DELETE FROM audit_auditentry WHERE number >= 4", 4),
        ("DELETE FROM audit_auditentry", 1),
        ("DELETE FROM audit_audithead", 5),
        ("UPDATE audit_auditentry SET number = CASE number WHEN 2 THEN 103 ELSE 102 END WHERE number IN (2, 3)", 2),
        ("UPDATE audit_audithead SET number = 4", 5),
    ],
)
def test_the_first_broken_row_is_named(db: None, tampering: str, row: int) -> None:
    write(5)

    sql(tampering)

    assert broken_at() == row


def test_two_rows_that_changed_places_are_noticed(db: None) -> None:
    write(5)

    sql("UPDATE audit_auditentry SET number = 99 WHERE number = 2")
    sql("UPDATE audit_auditentry SET number = 2 WHERE number = 3")
    sql("UPDATE audit_auditentry SET number = 3 WHERE number = 99")

    assert broken_at() == 2


def test_a_row_is_neither_changed_nor_deleted_by_the_panel(db: None) -> None:
    write(1)
    entry = AuditEntry.objects.get()

    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(detail="x"),
        lambda: AuditEntry.objects.bulk_update([entry], ["detail"]),
    ):
        with pytest.raises(PermissionError):
            attempt()


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_do_not_fork_the_chain() -> None:
    def work() -> None:
        write(10)
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert AuditEntry.objects.count() == 40
    assert broken_at() is None


def test_the_command_tells_that_the_log_holds(db: None) -> None:
    write(2)
    out = StringIO()

    call_command("verify_audit", stdout=out)

    assert "2 rows" in out.getvalue()


def test_the_command_fails_and_names_the_row(db: None) -> None:
    write(3)
    sql("UPDATE audit_auditentry SET detail = 'x' WHERE number = 2")
    err = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", stderr=err)

    assert ended.value.code == 1
    assert "row 2" in err.getvalue()
