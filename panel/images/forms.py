"""The filters of the image list."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from panel.images.models import Image


class ImageFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`search` looks at references and id."""

    search = django_filters.CharFilter(method="by_text")

    class Meta:
        model = Image
        fields: list[str] = []

    def by_text(self, rows: Any, name: str, text: str) -> QuerySet[Image]:
        """The model's own search."""
        return rows.search(text.strip())  # type: ignore[no-any-return]
