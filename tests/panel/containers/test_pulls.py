"""Images that are pulled when a container is created."""

from dataclasses import replace

import pytest

from panel.accounts.models import User
from panel.containers import services
from panel.containers.models import Container
from panel.errors import Invalid, NotPermitted
from panel.hosts.models import Host
from panel.images.models import Image
from panel.secrets.sealing import HostKey
from tests.panel.browsing import signed_in
from tests.panel.conftest import acting
from tests.panel.registries.conftest import host_key, panel_home

__all__ = ["host_key", "panel_home"]  # fixtures


def test_an_image_that_is_missing_is_pulled_with_the_creation_if_that_is_asked(
    operator: User, image: Image, host_key: HostKey
) -> None:
    missing = {"image": "ghcr.io/team/web"}
    with pytest.raises(Invalid, match="There is no image"):
        services.create(actor=acting(operator), spec=missing)
    with pytest.raises(Invalid) as refusal:
        services.create(actor=acting(operator), spec=missing, pull="sometimes")
    assert refusal.value.field == "pull"

    pulled = services.create(actor=acting(operator), spec=missing, pull="missing")
    there = services.create(actor=acting(operator), spec={"image": "busybox"}, pull="missing")
    always = services.create(actor=acting(operator), spec={"image": "busybox"}, pull="always")

    assert pulled.payload["pull"]["reference"] == "ghcr.io/team/web:latest"
    assert host_key.open(pulled.payload["pull"]["access"], bound_to=str(pulled.pk))
    assert "pull" not in there.payload
    assert always.payload["pull"]["reference"] == "docker.io/library/busybox:latest"
    assert Container.objects.get(pk=pulled.object_id).image_id == ""
    assert Container.objects.get(pk=there.object_id).image_id == image.image_id


def test_who_may_not_pull_creates_only_from_what_is_there(admin: User, image: Image, local: Host) -> None:
    actor = replace(acting(admin), scopes=frozenset({"containers.create"}))
    with pytest.raises(NotPermitted, match=r"images\.pull"):
        services.create(actor=actor, spec={"image": "busybox"}, pull="missing")
    assert services.create(actor=actor, spec={"image": "busybox"})


def test_the_form_asks_who_may_pull(operator: User, image: Image, host_key: HostKey) -> None:
    browser = signed_in(operator)
    assert b'name="pull_policy"' in browser.get("/containers/create/").content
    browser.post(
        "/containers/create/", {"image": "ghcr.io/a/b", "name": "x", "network": "none", "pull_policy": "missing"}
    )
    assert Container.objects.get().image == "ghcr.io/a/b"
