"""Registries and credentials over REST."""

from typing import Any

from panel.accounts.models import User
from panel.registries.models import Credential
from tests.panel.conftest import make_user, rest

SECRET = "correct-horse-7"
JSON: dict[str, Any] = {"content_type": "application/json"}


def test_a_registry_is_set_up_changed_and_forgotten(admin: User) -> None:
    client = rest(admin)

    made = client.post("/api/v1/registries/", {"name": "https://ghcr.io/v2/", "title": "GitHub"}, **JSON)
    assert (made.status_code, made.json()["name"], made.json()["is_enabled"]) == (201, "ghcr.io", True)
    address = f"/api/v1/registries/{made.json()['id']}/"
    changed = client.patch(address, {"mirrors": ["https://mirror.example"], "is_insecure": True}, **JSON)
    assert changed.json() | {"mirrors": ["https://mirror.example"], "title": "GitHub"} == changed.json()
    refused = client.patch(address, {"mirrors": ["mirror.example"]}, **JSON)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "mirrors[0]")
    assert client.post("/api/v1/registries/", {"name": "ghcr.io"}, **JSON).status_code == 409
    assert client.delete(address).status_code == 204
    assert client.get("/api/v1/registries/").json()["results"] == []


def test_a_secret_goes_in_and_never_comes_out(operator: User, admin: User) -> None:
    client = rest(operator)

    made = client.post("/api/v1/credentials/", {"registry": "docker.io", "username": "hub", "secret": SECRET}, **JSON)

    assert made.status_code == 201
    address = f"/api/v1/credentials/{made.json()['id']}/"
    answers = [
        made,
        client.get(address),
        client.get("/api/v1/credentials/"),
        client.patch(address, {"secret": SECRET}, **JSON),
        rest(admin).get("/api/v1/credentials/"),
        rest(admin).get("/api/v1/audit/"),
    ]
    for answer in answers:
        assert answer.status_code in (200, 201)
        assert SECRET not in answer.content.decode()
        assert Credential.objects.get().secret not in answer.content.decode()
        assert "hub" in answer.content.decode()
    assert rest(make_user("otto", "operator")).get(address).status_code == 404
    assert client.delete(address).status_code == 204


def test_docker_logins_are_taken_as_they_are(operator: User) -> None:
    config = {"auths": {"https://index.docker.io/v1/": {"auth": "YWRhOnBhc3M6d29yZA=="}}, "credsStore": ""}
    answer = rest(operator).post("/api/v1/credentials/import/", config, **JSON)
    assert answer.status_code == 201
    assert [(one["registry"], one["username"], one["user"]) for one in answer.json()] == [("docker.io", "ada", "olga")]
