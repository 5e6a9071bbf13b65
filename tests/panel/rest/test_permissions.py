"""Nothing under `/api/v1/` without a declared permission, nothing without signing in, every refusal a problem."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from panel.accounts.models import User
from panel.accounts.roles import PERMISSIONS
from panel.audit.models import AuditEntry
from panel.containers.models import Container
from panel.errors import NotPermitted
from panel.hosts.models import Host
from panel.operations.models import Operation
from panel.rest.permissions import PUBLIC, SIGNED_IN, declared_permission
from tests.panel.conftest import bearer, rest

# Nothing of this installation is in them.
OPEN = {"schema/", "<path:rest>"}
PAGES = {"docs/"}  # for the signed-in; tests/panel/rest/test_lists.py
ID = "ef" * 32
BACKUP = "20260101T000000Z-abcdef"
SAMPLES = {
    "(?P<pk>[a-zA-Z0-9][a-zA-Z0-9_.-]*)": ID,
    "(?P<name>[a-zA-Z0-9][a-zA-Z0-9_.-]*)": "data",
    "(?P<pk>\\d+)": "1",
    "(?P<backup>[0-9TZa-f-]{10,40})": BACKUP,
    "(?P<number>\\d+)": "1",
    "(?P<pk>[a-z0-9-]+)": "local",
    "(?P<pk>[^/.]+)": "6f0c2f6e-6f5c-4f5e-9f57-0a4a7d2f0e11",
    "(?P<id>[A-Za-z0-9_]{1,25})": "moorage_1",
    "(?P<name>[a-z0-9._-]+)": "team",
    "(?P<tag>[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127})": "1.0",
    "(?P<digest>sha[0-9]{3}:[0-9a-f]+)": "sha256:" + "ef" * 32,
}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, path)
        else:
            yield path, entry


def api_views() -> list[tuple[str, Any, dict[str, str]]]:
    """Every view of the API: its address, its class, the methods it answers with their actions."""
    found = []
    for path, pattern in patterns(get_resolver()):
        if path.startswith("api/v1/") and path.removeprefix("api/v1/") not in PAGES:
            view: Any = pattern.callback
            actions = getattr(view, "actions", None) or {}
            cls = getattr(view, "cls", None) or view.view_class
            found.append((path.removeprefix("api/v1/"), cls, actions or dict.fromkeys(methods(cls), "")))
    return found


def methods(cls: Any) -> list[str]:
    return [name for name in ("get", "post", "put", "patch", "delete") if hasattr(cls, name)]


@pytest.mark.parametrize(
    ("path", "cls", "actions"), api_views(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_view_declares_what_it_takes(path: str, cls: Any, actions: dict[str, str]) -> None:
    for method, action in actions.items():
        if path in OPEN:
            continue
        view = cls()
        view.action = action or None
        declared = declared_permission(view, method)
        assert declared in PERMISSIONS | {SIGNED_IN}, f"{method} {path}"
        if (
            declared == SIGNED_IN
            and action not in ("", "list", "create", "destroy")
            and path.startswith(("containers", "images"))
        ):
            assert cls.documented_permissions[action] in PERMISSIONS


@pytest.mark.parametrize(
    ("path", "cls", "actions"), api_views(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_nobody_gets_in_without_signing_in(
    db: None, client: Client, path: str, cls: Any, actions: dict[str, str]
) -> None:
    if path in OPEN:
        return
    address = path.strip("^$")
    for group, value in SAMPLES.items():
        address = address.replace(group, value)
    for method in list(actions):
        answer = getattr(client, method)(f"/api/v1/{address}")
        assert answer.status_code == 401, (method, address)
        assert answer["Content-Type"] == "application/problem+json"


CHANGES = [
    ("post", "containers/", "containers.create"),
    ("post", f"containers/{ID}/start/", "containers.start"),
    ("post", f"containers/{ID}/stop/", "containers.stop"),
    ("post", f"containers/{ID}/kill/", "containers.kill"),
    ("post", f"containers/{ID}/restart/", "containers.restart"),
    *(
        (("post", f"containers/{ID}/{verb}/", f"containers.{verb}"))
        for verb in ("pause", "unpause", "rename", "commit")
    ),
    ("patch", f"containers/{ID}/", "containers.update"),
    ("post", f"containers/{ID}/exec/", "containers.exec"),
    ("put", f"containers/{ID}/archive/?path=/etc", "containers.copy_in"),
    ("post", "containers/prune/", "containers.prune"),
    ("delete", f"containers/{ID}/", "containers.remove"),
    ("post", "images/load/", "images.load"),
    ("post", "volumes/", "volumes.create"),
    ("delete", "volumes/data/", "volumes.remove"),
    ("post", "volumes/data/resize/", "volumes.resize"),
    ("post", "volumes/data/backups/", "volumes.back_up"),
    ("delete", f"volumes/data/backups/{BACKUP}/", "volumes.remove_backup"),
    ("post", f"volumes/data/backups/{BACKUP}/restore/", "volumes.restore"),
    ("get", f"volumes/data/backups/{BACKUP}/archive/", "volumes.download"),
    ("get", "volumes/data/archive/", "volumes.download"),
    ("put", "volumes/data/schedule/", "volumes.schedule"),
    ("delete", "volumes/data/schedule/", "volumes.unschedule"),
    ("post", "volumes/data/restore/", "volumes.restore_upload"),
    ("post", "volumes/prune/", "volumes.prune"),
    *(
        (method, f"{place}/files/{what}", action)
        for place in (f"containers/{ID}", "volumes/data")
        for method, what, action in (
            ("get", "", "files.read"),
            ("put", "content/?path=/etc/new", "files.put"),
            ("post", "folder/", "files.change"),
            ("post", "remove/", "files.change"),
        )
    ),
    ("post", "images/import/?reference=a:b", "images.import"),
]


@pytest.mark.parametrize(("method", "path", "action"), CHANGES)
def test_a_viewer_changes_nothing_and_each_attempt_is_written_down(
    viewer: User, local: Host, method: str, path: str, action: str
) -> None:
    Container.objects.create(id=ID, name="one", host=local, image="busybox")

    answer = getattr(rest(viewer), method)(
        f"/api/v1/{path}", {"image": "busybox", "name": "a"}, content_type="application/json"
    )

    assert answer.status_code == 403
    assert answer.json()["code"] == "permission-denied"
    row = AuditEntry.objects.get()
    assert (row.action, row.outcome, row.actor_name, row.how) == (action, "denied", "vera", "token")
    assert not Operation.objects.exists()


def test_a_stranger_sees_nothing(stranger: User) -> None:
    client = rest(stranger)

    for path in ("containers/", "images/", "volumes/", "operations/", "audit/", "hosts/"):
        assert client.get(f"/api/v1/{path}").status_code == 403
    assert client.get("/api/v1/me/").json()["permissions"] == []


def test_only_an_admin_reads_the_audit_log(admin: User, operator: User) -> None:
    assert rest(operator).get("/api/v1/audit/").status_code == 403
    assert rest(admin).get("/api/v1/audit/").status_code == 200


def test_a_session_needs_the_csrf_token_to_change_anything(operator: User, local: Host) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)

    answer = client.post("/api/v1/containers/", {"image": "busybox", "name": "a"}, content_type="application/json")

    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]


def test_a_view_that_declares_nothing_is_refused(admin: User) -> None:
    class Silent(APIView):
        def get(self, request: Request) -> Response:
            return Response("secret")

    answer = Silent.as_view()(APIRequestFactory().get("/", headers=bearer(admin)))

    assert answer.status_code == 403


def test_the_missing_permission_is_named(viewer: User) -> None:
    with pytest.raises(NotPermitted, match=r"audit\.view"):
        raise NotPermitted("audit.view")
    assert "audit.view" in rest(viewer).get("/api/v1/audit/").json()["detail"]


def test_what_is_open_to_everybody_is_open_on_purpose() -> None:
    assert PUBLIC not in {
        declared_permission(cls(), method)
        for path, cls, actions in api_views()
        if path not in OPEN
        for method in actions
    }
