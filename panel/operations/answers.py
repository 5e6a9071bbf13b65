"""How a request that waited for its operation is answered: with the operation, or with the problem that ended it."""

import json
from typing import Any

from rest_framework.renderers import JSONRenderer

from panel.operations.api import OperationSerializer
from panel.operations.models import Operation
from panel.operations.waiting import Answer
from panel.rest.problems import CONTENT_TYPE, STATUSES, Problem


def answer(operation: str) -> Answer | None:
    """Status, content type and body once the operation has ended; None before."""
    row = Operation.objects.filter(pk=operation).first()
    if row is None or row.is_open:
        return None
    document = JSONRenderer().render(OperationSerializer(row).data)
    if row.status == Operation.Status.DONE:
        return 200, "application/json", document
    return _problem(row, json.loads(document))


def _problem(row: Operation, document: dict[str, Any]) -> Answer:
    error = row.error or {"code": "cancelled", "message": "The operation was cancelled."}
    field = error.get("field", "")
    faults = [{"field": field, "detail": error["message"].removeprefix(f"{field}: ")}] if field else []
    problem = Problem(STATUSES.get(error["code"], 500), error["code"], error["message"], error.get("hint", ""), faults)
    instance = f"/api/v1/operations/{row.pk}/"
    body = problem.to_json(instance) | {"operation": document}
    return problem.status, CONTENT_TYPE, json.dumps(body).encode()
