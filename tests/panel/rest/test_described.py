"""The OpenAPI document knows every field of the engine's values."""

from dataclasses import fields
from typing import Any

import pytest
from django.test import Client

from engine import ContainerSpec, ExecSpec, HealthCheck, Mount, PruneFilters, Resources, Update


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """The document's schemas by name."""
    document = Client().get("/api/v1/schema/?format=json").json()
    return dict(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("name", "kind", "own"),
    [
        ("NewContainerRequest", ContainerSpec, {"start", "host", "pull"}),
        ("ResourcesRequest", Resources, set()),
        ("HealthCheckRequest", HealthCheck, set()),
        ("MountRequest", Mount, set()),
        ("PatchedUpdateRequest", Update, set()),
        ("PruneRequest", PruneFilters, {"host"}),
    ],
)
def test_every_field_is_described(schemas: dict[str, Any], name: str, kind: Any, own: set[str]) -> None:
    assert set(schemas[name]["properties"]) == {field.name for field in fields(kind)} | own


def test_an_exec_over_rest_has_no_terminal(schemas: dict[str, Any]) -> None:
    missing = {field.name for field in fields(ExecSpec)} - set(schemas["ExecRequest"]["properties"])
    assert missing == {"terminal", "terminal_size", "stdin", "stdout", "stderr"}


def test_each_limit_of_a_change_may_be_null(schemas: dict[str, Any]) -> None:
    limits = schemas["ResourcesChangeRequest"]["properties"]
    assert all("null" in str(limit) for limit in limits.values()), limits
