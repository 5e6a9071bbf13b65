"""The filters of the audit log."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from panel.audit.models import AuditEntry


class DayInput(forms.DateInput):
    """The browser's own calendar."""

    input_type = "date"


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`search` looks at actor, action, object and detail; `since` and `until` are days in UTC, both included."""

    search = django_filters.CharFilter(method="by_text")
    outcome = django_filters.ChoiceFilter(choices=AuditEntry.Outcome.choices, empty_label=_("Any outcome"))
    since = django_filters.DateFilter(field_name="at", lookup_expr="date__gte", widget=DayInput)
    until = django_filters.DateFilter(field_name="at", lookup_expr="date__lte", widget=DayInput)

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def by_text(self, rows: Any, name: str, text: str) -> QuerySet[AuditEntry]:
        """The model's own search."""
        return rows.search(text.strip())  # type: ignore[no-any-return]
