"""`?search=`: asks the model's own QuerySet, so that pages and REST find the same."""

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

if TYPE_CHECKING:  # REST framework imports this module while it loads its views
    from rest_framework.views import APIView


class Search(BaseFilterBackend):
    """Calls `search(text)` of a QuerySet that has it."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: "APIView") -> QuerySet[Any]:
        """`queryset`, narrowed to what holds the text, if one was given."""
        text = request.query_params.get("search", "").strip()
        search = getattr(queryset, "search", None)
        found: QuerySet[Any] = search(text) if text and search else queryset
        return found

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        """The parameter as the OpenAPI document shows it."""
        if not hasattr(getattr(view, "queryset", None), "search"):
            return []
        description = "Text to look for in names, ids and other telling columns."
        return [{"name": "search", "in": "query", "description": description, "schema": {"type": "string"}}]
