"""The filters of the operation list."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from panel.operations.models import Operation


class OperationFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`search` looks at kind, object and starter; `status` at how it went."""

    search = django_filters.CharFilter(method="by_text")
    status = django_filters.ChoiceFilter(choices=Operation.Status.choices, empty_label=_("Any outcome"))

    class Meta:
        model = Operation
        fields: list[str] = []

    def by_text(self, rows: Any, name: str, text: str) -> QuerySet[Operation]:
        """The model's own search."""
        return rows.search(text.strip())  # type: ignore[no-any-return]
