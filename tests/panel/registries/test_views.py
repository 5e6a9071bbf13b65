"""The registry pages."""

import pytest

from panel.accounts.models import User
from panel.registries import services
from panel.registries.models import Credential, Registry
from tests.panel.browsing import HTMX, signed_in
from tests.panel.conftest import acting

SECRET = "correct-horse-7"


@pytest.fixture
def hub(admin: User) -> Registry:
    return services.add(actor=acting(admin), name="docker.io", how={"title": "Docker Hub"})


def test_an_empty_list_leads_to_the_form_for_those_who_may(admin: User, viewer: User, stranger: User) -> None:
    assert b"/registries/add/" in signed_in(admin).get("/registries/").content
    assert b"/registries/add/" not in signed_in(viewer).get("/registries/").content
    assert signed_in(stranger).get("/registries/").status_code == 403


def test_a_registry_is_added_and_changed_by_forms(admin: User) -> None:
    browser = signed_in(admin)
    refused = browser.post("/registries/add/", {"name": "ghcr.io", "mirrors": "mirror.example"})
    assert refused.status_code == 422
    assert "is not an address such as" in refused.content.decode()

    added = browser.post("/registries/add/", {"name": "ghcr.io", "mirrors": "https://m.example\n", "is_enabled": "on"})
    registry = Registry.objects.get()
    assert added.headers["Location"] == f"/registries/{registry.pk}/"
    assert b"https://m.example" in browser.get(f"/registries/{registry.pk}/change/").content
    browser.post(f"/registries/{registry.pk}/change/", {"title": "GitHub", "is_insecure": "on"})
    page = browser.get("/registries/").content.decode()
    assert "GitHub" in page
    assert "Switched off" in page
    browser.post(f"/registries/{registry.pk}/remove/")
    assert not Registry.objects.exists()


def test_a_credential_is_kept_and_its_secret_never_shown(operator: User, hub: Registry) -> None:
    browser = signed_in(operator)
    sent = {"registry": "docker.io", "username": "hub", "secret": SECRET}

    wrong = browser.post("/registries/credentials/add/", sent | {"registry": "hub"})
    assert wrong.status_code == 422
    assert SECRET not in wrong.content.decode()
    browser.post("/registries/credentials/add/", sent)

    credential = Credential.objects.get()
    assert (credential.user, credential.opened().password) == (operator, SECRET)
    for path in (f"/registries/{hub.pk}/", f"/registries/credentials/{credential.pk}/secret/", "/registries/"):
        assert SECRET not in browser.get(path).content.decode()
    assert ">hub</strong>" in browser.get(f"/registries/{hub.pk}/").content.decode()
    browser.post(f"/registries/credentials/{credential.pk}/remove/")
    assert not Credential.objects.exists()


def test_only_who_may_is_asked_for_whom_a_credential_is(operator: User, admin: User, hub: Registry) -> None:
    assert b'name="owner"' not in signed_in(operator).get("/registries/credentials/add/").content
    sent = {"registry": "docker.io", "username": "hub", "secret": SECRET}
    signed_in(operator).post("/registries/credentials/add/", sent | {"owner": "shared"})
    assert Credential.objects.get().user == operator
    signed_in(admin).post("/registries/credentials/add/", sent | {"owner": "group:viewer"})
    assert Credential.objects.get(user=None).group.name == "viewer"  # type: ignore[union-attr]


def test_somebody_elses_credential_is_not_on_the_page(operator: User, admin: User, viewer: User, hub: Registry) -> None:
    services.add_credential(actor=acting(admin), registry="docker.io", username="adas", secret=SECRET)
    assert "adas" not in signed_in(operator).get(f"/registries/{hub.pk}/").content.decode()
    row = Credential.objects.get()
    for path in ("secret", "remove", "check"):
        address = f"/registries/credentials/{row.pk}/{path}/"
        answer = signed_in(operator).post(address, {"secret": "x"}, headers=HTMX)
        assert answer.status_code == 404, path


def test_a_docker_config_is_pasted(operator: User) -> None:
    browser = signed_in(operator)
    wrong = browser.post("/registries/import/", {"text": "{"})
    assert (wrong.status_code, "not what docker login writes" in wrong.content.decode()) == (422, True)
    browser.post("/registries/import/", {"text": '{"auths": {"ghcr.io": {"auth": "YWRhOnBhc3M="}}}'})
    assert Credential.objects.get().registry.name == "ghcr.io"
