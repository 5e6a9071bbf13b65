"""What an operation looks like in the REST API."""

import json
from typing import Any

import pytest
from django.utils import timezone
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from panel.accounts.models import User
from panel.hosts.models import Host
from panel.operations.api import OperationSerializer
from panel.operations.models import Operation
from tests.panel.conftest import rest


@pytest.fixture
def operation(local: Host) -> Operation:
    """One that has ended."""
    return Operation.objects.create(
        kind="images.load",
        host=local,
        object_kind="image",
        object_id="x",
        started_by_name="olga",
        status="failed",
        steps=[{"name": "unpack", "status": "failed", "current": 5, "total": 10, "unit": "bytes"}],
        error={"code": "invalid-archive", "message": "no", "hint": "try another"},
        finished_at=timezone.now(),
    )


def test_its_quick_form_says_what_the_slow_one_would(operation: Operation) -> None:
    operation.refresh_from_db()
    serializer = OperationSerializer(operation)

    slow = json.loads(JSONRenderer().render(serializers.ModelSerializer.to_representation(serializer, operation)))

    assert json.loads(JSONRenderer().render(serializer.data)) == slow
    assert slow["percent"] == 50


@pytest.mark.parametrize(
    ("query", "count"), [("status=failed", 1), ("status=done", 0), ("search=olga", 1), ("host=x", 0)]
)
def test_operations_are_filtered(viewer: User, operation: Operation, query: str, count: int) -> None:
    answer: Any = rest(viewer).get(f"/api/v1/operations/?{query}")

    assert answer.json().get("count", 0) == count


def test_a_viewer_cannot_cancel(viewer: User, operation: Operation) -> None:
    assert rest(viewer).post(f"/api/v1/operations/{operation.pk}/cancel/").status_code == 403


def test_cancelling_what_has_ended_is_a_conflict(operator: User, operation: Operation) -> None:
    answer = rest(operator).post(f"/api/v1/operations/{operation.pk}/cancel/")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
