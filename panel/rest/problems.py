"""Turns every failure of the REST API into a problem document (RFC 9457): the one map from errors to HTTP statuses."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from engine import EngineError, InvalidSpec
from panel.agent.client import AgentError
from panel.errors import NotPermitted, Refused

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

STATUSES: Mapping[str, int] = {
    "not-found": 404,
    "conflict": 409,
    "invalid-spec": 422,
    "invalid-archive": 422,
    "unsupported": 422,
    "command-not-found": 422,
    "command-not-executable": 422,
    "unauthorized": 502,
    "registry-error": 502,
    "rate-limited": 503,
    "cancelled": 409,
    "unreachable": 503,
    "launcher-unavailable": 503,
    "storage-full": 507,
    "kernel-error": 500,
    "damaged-store": 500,
    "engine-error": 500,
}
"""HTTP status by the code of an engine's or a service's error, also of those an operation ended with."""


@dataclass(frozen=True)
class Problem:
    """One problem document. `errors` names the inputs at fault: `[{"field", "detail"}]`."""

    status: int
    code: str
    detail: str
    hint: str = ""
    errors: list[dict[str, str]] = field(default_factory=list)

    def to_json(self, instance: str) -> dict[str, Any]:
        """The document; `instance` is the path that was asked for."""
        document: dict[str, Any] = {
            "type": f"urn:moorage:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        }
        return document | ({"hint": self.hint} if self.hint else {}) | ({"errors": self.errors} if self.errors else {})


def handle(exception: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. An error nobody expected goes to the log, whole, and to the client as a 500."""
    request = context["request"]
    problem = problem_of(exception)
    if problem is None:
        logger.error("%s %s failed", request.method, request.path, exc_info=exception)
        problem = Problem(500, "unexpected", "This is a fault of the panel's.", "Its log says what happened.")
    headers = {}
    if wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(int(wait))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = getattr(exception, "auth_header", "Bearer")
    return Response(problem.to_json(request.path), problem.status, headers=headers, content_type=CONTENT_TYPE)


def problem_of(exception: Exception) -> Problem | None:
    """The problem an exception is, None for one that nobody expected."""
    match exception:
        case Refused():
            errors = [_fault(exception.field, str(exception.message))] if exception.field else []
            return Problem(
                STATUSES.get(exception.code, 400), exception.code, str(exception.message), str(exception.hint), errors
            )
        case EngineError():
            errors = [_fault(exception.field, exception.message)] if isinstance(exception, InvalidSpec) else []
            return Problem(STATUSES.get(exception.code, 500), exception.code, exception.message, exception.hint, errors)
        case AgentError():
            status = STATUSES.get(exception.code, exception.status)
            return Problem(status, exception.code, exception.message, exception.hint)
        case NotPermitted():
            return Problem(403, "permission-denied", str(exception))
        case exceptions.ValidationError():
            return Problem(422, "invalid", "Some values are not valid.", errors=_faults("", exception.detail))
        case exceptions.APIException():
            return Problem(exception.status_code, str(exception.default_code).replace("_", "-"), str(exception.detail))
        case Http404():
            return Problem(404, "not-found", "There is no such object.")
        case PermissionDenied():
            return Problem(403, "permission-denied", str(exception) or "You may not do this.")
    return None


def _faults(where: str, detail: Any) -> list[dict[str, str]]:
    """DRF's nested errors as a flat list with dotted fields."""
    if isinstance(detail, Mapping):
        return [fault for key, value in detail.items() for fault in _faults(_join(where, str(key)), value)]
    if isinstance(detail, list):
        nested = any(isinstance(item, Mapping | list) for item in detail)
        return [
            fault
            for index, item in enumerate(detail)
            for fault in _faults(_join(where, str(index)) if nested else where, item)
        ]
    return [_fault(where.removesuffix(f".{api_settings.NON_FIELD_ERRORS_KEY}"), str(detail))]


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _fault(field: str, detail: str) -> dict[str, str]:
    """The engine's messages begin with the field, for who sees nothing else of them."""
    return {"field": field, "detail": detail.removeprefix(f"{field}: ")}
