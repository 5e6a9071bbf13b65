"""The audit log's pages."""

from panel.accounts.actors import Actor, How
from panel.accounts.models import User
from panel.audit import services as audit
from panel.audit.changes import Change, changes
from panel.audit.models import AuditEntry
from panel.audit.subject import Subject
from tests.panel.browsing import signed_in


def test_changes_are_told_field_by_field() -> None:
    before = {"desired": "running", "limits": {"pids": 5}, "same": 1}
    after = {"desired": "stopped", "limits": {"pids": None}, "same": 1, "env": ["A=1"]}
    assert changes(before, after) == [
        Change("desired", "running", "stopped"),
        Change("limits.pids", "5", None),
        Change("env", None, '["A=1"]'),
    ]
    assert changes(None, None) == []


def test_a_denied_row_is_marked_and_can_be_filtered(admin: User, viewer: User) -> None:
    actor = Actor(user=viewer, name="vera", how=How.TOKEN, address="192.0.2.9")
    denied = AuditEntry.Outcome.DENIED
    audit.record(actor=actor, action="containers.stop", subject=Subject("container", "c", "web"), outcome=denied)
    browser = signed_in(admin)
    assert b'data-outcome="denied"' in browser.get("/audit/").content
    rows = browser.get("/audit/?outcome=denied").context["object_list"]
    assert [row.actor_name for row in rows] == ["vera"]
    assert list(browser.get("/audit/?until=2020-01-01").context["object_list"]) == []


def test_one_row_shows_who_what_and_its_place_in_the_chain(admin: User) -> None:
    actor = Actor(user=admin, name="ada", how=How.SESSION, address="192.0.2.9")
    entry = audit.record(actor=actor, action="containers.stop", before={"a": "<i>"}, after={"a": "y"})
    page = signed_in(admin).get(f"/audit/{entry.number}/").content.decode()
    assert "<del>&lt;i&gt;</del>" in page
    assert entry.hash in page
    assert "192.0.2.9" in page
