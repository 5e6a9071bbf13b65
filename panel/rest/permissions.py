"""No view of the REST API without a declared permission: what is not declared is refused."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from panel.accounts.actors import Actor
from panel.errors import NotPermitted

if TYPE_CHECKING:  # REST framework imports this module while it loads its views
    from rest_framework.views import APIView

PUBLIC = "public"
SIGNED_IN = "signed-in"


class DeclaredPermission(BasePermission):
    """Asks the view's `permissions`: by action (`list`, `create`) or method (`get`), the permission it takes.

    A view without one for what is called is refused. A state-changing action names `SIGNED_IN` where its service
    checks the permission itself, so that the refusal is written to the audit log by the one door.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the request may go on; NotPermitted names the permission that is missing."""
        declared = declared_permission(view, request.method or "")
        if declared == PUBLIC:
            return True
        if not request.user.is_authenticated:
            return False
        if getattr(view, (request.method or "").lower(), None) is None:
            raise MethodNotAllowed(request.method or "")
        if declared is None:
            return False
        if declared != SIGNED_IN and not Actor.from_request(request).may(declared):
            raise NotPermitted(declared)
        return True


def declared_permission(view: Any, method: str) -> str | None:
    """What `view` declares for its current action or for `method`; OPTIONS needs a signed-in user."""
    permissions: Mapping[str, str] = getattr(view, "permissions", {})
    action = getattr(view, "action", None) or method.lower()
    return SIGNED_IN if action in ("options", "metadata") else permissions.get(action)
