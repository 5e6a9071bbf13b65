"""Failures are problem documents (RFC 9457) with a stable code, a hint and the fields at fault."""

import dataclasses
from typing import Any

import pytest
from django.test import Client

import engine
from engine import ContainerSpec, InvalidSpec, KernelError
from panel.accounts.models import User
from panel.containers.models import Container
from panel.hosts.models import Host
from panel.images.models import Image
from panel.rest.problems import Problem, problem_of
from tests.panel.conftest import rest

MEMBERS = {"type", "title", "status", "detail", "instance", "code"}


def create(client: Client, **spec: Any) -> Any:
    return client.post("/api/v1/containers/", {"image": "busybox"} | spec, content_type="application/json")


def test_a_problem_has_the_standards_members(operator: User, image: Image) -> None:
    answer = create(rest(operator), resources={"memory_bytes": 5})

    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document.keys() >= MEMBERS
    assert (document["status"], document["instance"]) == (422, "/api/v1/containers/")
    assert document["type"] == "urn:moorage:problem:invalid-spec"
    assert document["errors"][0]["field"] == "resources.memory_bytes"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"image": 7, "env": ["A"]}, "env[0]"),
        ({"resources": {"memory_bytes": "much"}}, "resources.memory_bytes"),
        ({"network": "bridge!"}, "network"),
        ({"command": {"a": 1}}, "command"),
        ({"rlimits": {"nofile": {"soft": 1}}}, "rlimits.nofile.hard"),
        ({"image": "nowhere:1"}, "image"),
    ],
)
def test_the_field_at_fault_is_named(operator: User, image: Image, spec: dict[str, Any], field: str) -> None:
    answer = create(rest(operator), **({"image": "busybox"} | spec if field != "env[0]" else {"env": ["A"]}))

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("field", [item.name for item in dataclasses.fields(ContainerSpec)])
def test_nonsense_in_any_field_is_refused_by_its_name(admin: User, image: Image, field: str) -> None:
    client = rest(admin)
    nonsense: tuple[Any, ...] = ({"a": {"b": []}}, "\0", ["\0"], [[]], 10**30, "x" * 100_000 + "\n")
    for value in nonsense:
        answer = create(client, **{field: value})
        assert answer.status_code == 422, value
        assert answer.json()["errors"][0]["field"].startswith(field)


def test_a_name_that_is_taken_is_a_conflict_with_a_hint(operator: User, image: Image) -> None:
    Container.objects.create(name="web", host=image.host, image="busybox")

    answer = create(rest(operator), name="web")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.json()["hint"]


def test_json_that_is_none_is_told(operator: User) -> None:
    answer = rest(operator).post("/api/v1/containers/", b"{nonsense", content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "parse-error")


@pytest.mark.parametrize("path", ["nothing/here/", "containers/" + "0" * 64 + "/", "containers/short/", "images/9/"])
def test_what_is_not_there_is_a_problem_too(admin: User, path: str) -> None:
    answer = rest(admin).get(f"/api/v1/{path}")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_a_method_that_is_not_there_is_told(admin: User, local: Host) -> None:
    assert rest(admin).put("/api/v1/hosts/local/").json()["code"] == "method-not-allowed"


def test_an_engine_error_keeps_its_code_and_hint() -> None:
    problem = problem_of(KernelError("mount", 1, "/x", hint="Load the module."))

    assert problem == Problem(
        500, "kernel-error", problem_detail := problem.detail if problem else "", "Load the module."
    )
    assert "mount on /x failed" in problem_detail


def test_every_engine_error_has_a_status() -> None:
    from panel.rest.problems import STATUSES

    kinds = [value for value in vars(engine.errors).values() if isinstance(value, type)]
    codes = {kind.code for kind in kinds if issubclass(kind, engine.EngineError)}

    assert codes <= STATUSES.keys()
    assert problem_of(InvalidSpec("name", "is bad")) is not None


def test_an_error_nobody_expected_is_none_of_ours() -> None:
    assert problem_of(ZeroDivisionError()) is None


def test_an_error_nobody_expected_is_a_problem_too_and_stands_in_the_log(
    viewer: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("panel.hosts.api.HostViewSet.get_queryset", fail)
    answer = rest(viewer).get("/api/v1/hosts/")

    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert "oops" not in answer.content.decode()
    assert "ZeroDivisionError" in caplog.text
