"""The first page shows each visitor what they may see."""

from datetime import timedelta

from django.utils import timezone

from panel.accounts.models import User
from panel.containers.models import Container
from panel.hosts.models import Host
from tests.panel.browsing import signed_in


def test_what_failed_is_told_apart_from_what_runs(viewer: User, local: Host) -> None:
    common = {"host": local, "image": "busybox"}
    Container.objects.create(name="good", status="running", started_at=timezone.now(), **common)
    Container.objects.create(name="bad", status="exited", exit_code=2, desired="running", **common)
    answer = signed_in(viewer).get("/")
    assert [container.name for container in answer.context["running"]] == ["good"]
    assert [container.name for container in answer.context["failed"]] == ["bad"]


def test_a_silent_host_is_told(viewer: User, local: Host) -> None:
    local.last_seen_at = timezone.now() - timedelta(minutes=5)
    local.capabilities = {"kernel": "6.1", "overlay_many_layers": True, "memory_bytes": 8_000_000_000}
    local.save()
    page = signed_in(viewer).get("/").content.decode()
    assert "Its host worker does not answer" in page
    assert "Overlay with many layers" in page
    assert "8.0 GB" in page


def test_the_empty_panel_says_what_to_do_first(operator: User, local: Host) -> None:
    assert b"/images/upload/" in signed_in(operator).get("/").content
