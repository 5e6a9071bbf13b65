"""What the OpenAPI document says of every view without being told: problem documents, permissions."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from panel.rest.permissions import PUBLIC, SIGNED_IN, declared_permission


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the document names the token."""

    target_class = "panel.rest.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """`Authorization: Bearer …`."""
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the document names the browser's session."""

    target_class = "panel.rest.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """The cookie; its real name ends in the panel's port."""
        return {"type": "apiKey", "in": "cookie", "name": "moorage-session"}


class Fault(serializers.Serializer[Any]):
    """One input that is not valid."""

    field = serializers.CharField()
    detail = serializers.CharField()


class ProblemDocument(serializers.Serializer[Any]):
    """RFC 9457: what went wrong, why, and what to do."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField()
    hint = serializers.CharField(required=False)
    errors = Fault(many=True, required=False)  # type: ignore[assignment]  # the member RFC 9457 readers expect


class Schema(AutoSchema):
    """Adds the problem document to every operation, and the permission it takes to its description."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation, with the permission it needs at the end of its description."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        told = getattr(self.view, "documented_permissions", {}).get(getattr(self.view, "action", ""))
        declared = told or declared_permission(self.view, self.method)
        if declared not in (None, PUBLIC, SIGNED_IN):
            words = [operation.get("description", ""), f"Needs the permission `{declared}`."]
            operation["description"] = "\n\n".join(word for word in words if word)
        return operation

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        problem = self._get_response_for_code(  # type: ignore[no-untyped-call]
            OpenApiResponse(ProblemDocument, "A problem document."), "default", ["application/problem+json"], direction
        )
        return bodies | {"default": problem}
