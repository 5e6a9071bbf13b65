"""Who may open a page: every view names its permission, a refusal is a page of its own and a row of the audit log."""

from django.contrib.auth.mixins import PermissionRequiredMixin
from django.http import HttpRequest
from django.http.response import HttpResponseRedirect
from django.views.generic import View
from django_htmx.http import HttpResponseClientRefresh

from panel.accounts.actors import Actor
from panel.audit import services as audit
from panel.audit.models import AuditEntry
from panel.audit.subject import Subject


class Page(PermissionRequiredMixin, View):
    """A view behind sign-in. `permission_required` is one permission or several; empty: anyone signed in."""

    permission_required: str | tuple[str, ...]
    request: HttpRequest

    @property
    def actor(self) -> Actor:
        """Who asks, as the services want to know it."""
        return Actor.from_request(self.request)

    def has_permission(self) -> bool:
        """Whether the visitor is signed in and holds what the page needs."""
        return self.request.user.is_authenticated and super().has_permission()

    def handle_no_permission(self) -> HttpResponseRedirect | HttpResponseClientRefresh:  # type: ignore[override]
        """A visitor is sent to the sign-in page; a user without the permission is refused, and that is audited.

        Where a part of an open page asks after its session has ended, the whole page has to go, not the part.
        """
        if not self.request.user.is_authenticated and self.request.htmx:  # type: ignore[attr-defined]
            return HttpResponseClientRefresh()
        if self.request.user.is_authenticated:
            audit.record(
                actor=self.actor,
                action="pages.open",
                subject=Subject("page", self.request.path, self.request.path),
                outcome=AuditEntry.Outcome.DENIED,
                detail="needs " + ", ".join(self.get_permission_required()),
            )
        return super().handle_no_permission()


def may(request: HttpRequest, permission: str) -> bool:
    """Whether the visitor holds `permission`; what a page offers depends on it, the services check again."""
    return bool(Actor.from_request(request).may(permission))
