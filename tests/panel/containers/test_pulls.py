"""Images that are pulled when a container is created."""

from dataclasses import replace

import pytest

from panel.accounts.models import User
from panel.containers import services
from panel.containers.models import Container
from panel.errors import Invalid, NotPermitted
from panel.hosts.models import Host
from panel.images.models import Image, TrackedTag
from panel.operations import records
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

    assert [pull["reference"] for pull in pulled.payload["pulls"]] == ["ghcr.io/team/web:latest"]
    assert host_key.open(pulled.payload["pulls"][0]["access"], bound_to=str(pulled.pk))
    assert "pulls" not in there.payload
    assert [pull["reference"] for pull in always.payload["pulls"]] == ["docker.io/library/busybox:latest"]
    assert Container.objects.get(pk=pulled.object_id).image_id == ""
    assert Container.objects.get(pk=there.object_id).image_id == image.image_id


def test_images_that_are_mounted_are_pulled_as_the_containers_own_is(
    operator: User, image: Image, host_key: HostKey
) -> None:
    sources = ("busybox", "ghcr.io/team/tools:1", "ghcr.io/team/tools:1", "ghcr.io/team/data")
    mounts = [{"type": "image", "source": source, "target": f"/{n}"} for n, source in enumerate(sources)]
    with pytest.raises(Invalid, match=r"There is no image ghcr\.io/team/tools:1") as refusal:
        services.create(actor=acting(operator), spec={"image": "busybox", "mounts": mounts})
    assert refusal.value.field == "mounts[1].source"

    created = services.create(actor=acting(operator), spec={"image": "busybox", "mounts": mounts}, pull="missing")
    references = [pull["reference"] for pull in created.payload["pulls"]]
    assert references == ["ghcr.io/team/tools:1", "ghcr.io/team/data:latest"]
    result = {"images": [{"id": "sha256:1a"}, {"id": "sha256:2b"}]}
    records.finished(host="local", operation=str(created.pk), outcome="done", result=result)
    assert dict(TrackedTag.objects.values_list("reference", "image_id")) == dict(
        zip(references, ("sha256:1a", "sha256:2b"), strict=True)
    )


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


def test_the_form_shows_at_the_right_field_which_image_is_missing(operator: User, image: Image) -> None:
    given = {"image": "busybox", "network": "none", "pull_policy": "never", "mounts": "data:/data", "tmpfs": "/run"}
    answer = signed_in(operator).post("/containers/create/", given | {"images": "busybox:/a\nmissing:1:/b"})
    assert answer.status_code == 422
    assert "There is no image missing:1" in str(answer.context["form"].errors["images"])
