"""Lists that a server of any size can hold: filtered, sorted and paged in the database, refreshed in part."""

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.views.generic import ListView
from django_filters import FilterSet

from panel.pages.access import Page

PAGE_SIZE = 25


class ListPage(Page, ListView):  # type: ignore[type-arg]
    """A page with one list. `template_name` is the page; `part_name` only the list, which htmx asks for by target.

    `filter_class` reads the query string, `sorts` maps a column's name there to the fields it orders by.
    """

    paginate_by = PAGE_SIZE
    filter_class: type[FilterSet]
    part_name: str
    sorts: dict[str, str] = {}
    default_sort = ""

    def get_queryset(self) -> QuerySet[Model]:
        """The visible rows that match the filters, in the chosen order."""
        self.filter = self.filter_class(self.request.GET, queryset=self.visible(), request=self.request)
        return self.sorted(self.filter.qs)

    def visible(self) -> QuerySet[Model]:
        """All rows the visitor may see."""
        raise NotImplementedError

    def sorted(self, rows: QuerySet[Model]) -> QuerySet[Model]:
        """Ordered by `?sort=name` or `?sort=-name`; an unknown name is the list's own order."""
        self.sort = self.request.GET.get("sort", self.default_sort)
        field = self.sorts.get(self.sort.removeprefix("-"))
        if not field:
            return rows
        return rows.order_by(f"-{field}" if self.sort.startswith("-") else field, "pk")

    def paginate_queryset(self, queryset: Any, page_size: int) -> Any:
        """The asked page; one beyond the end (rows were removed meanwhile) is the last."""
        paginator = self.get_paginator(queryset, page_size)
        page = paginator.get_page(self.request.GET.get(self.page_kwarg))
        return paginator, page, page.object_list, page.has_other_pages()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds what tells "nothing yet" from "nothing matches"."""
        context = super().get_context_data(**kwargs)
        is_narrowed = any(self.request.GET.get(name) for name in self.filter.filters)
        return context | {"filter": self.filter, "sort": self.sort, "is_narrowed": is_narrowed}

    def get_template_names(self) -> list[str]:
        """Only the list, when a part of the page asks for itself."""
        return [self.part_name if is_part(self.request, "list") else self.template_name or ""]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Page and part have one address, so caches have to look at the header that tells them apart."""
        response = super().dispatch(request, *args, **kwargs)
        patch_vary_headers(response, ["HX-Request", "HX-Target"])
        return response


def is_part(request: HttpRequest, target: str) -> bool:
    """Whether htmx asks for the element `target` alone."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx and htmx.target == target and not htmx.history_restore_request)
