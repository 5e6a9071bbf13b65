"""An image of a distribution is asked for by form and by REST, and every value is checked before a host hears of it."""

from typing import Any

import pytest

from panel.accounts.models import User
from panel.audit.models import AuditEntry
from panel.hosts.models import Host
from panel.operations.models import Operation
from tests.panel.browsing import signed_in
from tests.panel.conftest import rest

ASKED = {"reference": "debian:own", "suite": "bookworm", "mirror": "http://mirror.test/debian"}
SPEC = ASKED | {"components": ["main"], "packages": [], "keyring": ""}


def post(user: User, asked: dict[str, Any]) -> Any:
    return rest(user).post("/api/v1/images/bootstrap/", asked, content_type="application/json")


def test_it_is_an_operation_of_the_host(operator: User, local: Host) -> None:
    answer = post(operator, ASKED)
    assert answer.status_code == 202, answer.content
    operation = Operation.objects.get()
    assert (operation.kind, operation.object_name, operation.payload) == (
        "images.bootstrap",
        "debian:own",
        {"spec": SPEC},
    )
    row = AuditEntry.objects.get(action="images.bootstrap")
    assert (row.object_id, row.after) == ("docker.io/library/debian:own", SPEC)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"suite": "--help"}, "suite"), ({"mirror": "file:///"}, "mirror"), ({"reference": "No Name"}, "reference")],
)
def test_what_cannot_be_is_told_at_once(operator: User, local: Host, change: dict[str, str], field: str) -> None:
    answer = post(operator, ASKED | change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Operation.objects.exists()


def test_a_viewer_may_not(viewer: User, local: Host) -> None:
    assert post(viewer, ASKED).status_code == 403
    assert AuditEntry.objects.get().outcome == "denied"
    assert signed_in(viewer).get("/images/bootstrap/").status_code == 403
    assert b"/images/bootstrap/" not in signed_in(viewer).get("/images/").content


def test_the_form_asks_the_same(operator: User, local: Host) -> None:
    browser = signed_in(operator)
    assert b"/images/bootstrap/" in browser.get("/images/").content
    assert b'value="bookworm"' in browser.get("/images/bootstrap/").content
    answer = browser.post("/images/bootstrap/", ASKED | {"components": "main contrib", "packages": "curl"})
    operation = Operation.objects.get()
    assert answer["Location"] == f"/operations/{operation.pk}/"
    assert operation.payload["spec"] == SPEC | {"components": ["main", "contrib"], "packages": ["curl"]}


def test_the_form_shows_what_is_wrong_beside_its_field(operator: User, local: Host) -> None:
    answer = signed_in(operator).post("/images/bootstrap/", ASKED | {"packages": "a,b"})
    assert answer.status_code == 422
    assert "&#x27;a,b&#x27;" in answer.content.decode()
