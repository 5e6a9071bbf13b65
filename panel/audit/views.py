"""The audit log's pages: the list, and one row with what it changed."""

from typing import Any

from django.db.models import QuerySet
from django.views.generic import DetailView

from panel.audit.changes import changes
from panel.audit.forms import AuditFilter
from panel.audit.models import AuditEntry
from panel.pages.access import Page
from panel.pages.lists import ListPage


class AuditList(ListPage):
    """All rows, the newest first."""

    permission_required = "audit.view"
    template_name = "audit/list.html"
    part_name = "audit/_list.html"
    filter_class = AuditFilter

    def visible(self) -> QuerySet[AuditEntry]:
        """All of them: who may see the log sees it whole."""
        return AuditEntry.objects.all()


class AuditPage(Page, DetailView):  # type: ignore[type-arg]
    """One row: who, from where, what changed, and its place in the hash chain."""

    permission_required = "audit.view"
    model = AuditEntry
    slug_field = "number"
    slug_url_kwarg = "number"
    context_object_name = "entry"
    template_name = "audit/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds what is different after it, field by field."""
        return super().get_context_data(**kwargs) | {"changes": changes(self.object.before, self.object.after)}
