"""The operation pages: list, detail, and the pieces that other pages show an operation with."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.generic import DetailView

from panel.containers.models import Container
from panel.errors import Refused
from panel.operations import services
from panel.operations.forms import OperationFilter
from panel.operations.models import Operation
from panel.pages.access import Page
from panel.pages.lists import ListPage, is_part


class OperationList(ListPage):
    """All operations, the newest first."""

    permission_required = "operations.view"
    template_name = "operations/list.html"
    part_name = "operations/_list.html"
    filter_class = OperationFilter
    sorts = {"queued": "queued_at", "kind": "kind", "status": "status"}

    def visible(self) -> QuerySet[Operation]:
        """Those the visitor may see."""
        return visible(self.request)


class OperationPage(Page, DetailView):  # type: ignore[type-arg]
    """One operation: steps, progress, outcome."""

    permission_required = "operations.view"
    template_name = "operations/detail.html"
    context_object_name = "operation"

    def get_queryset(self) -> QuerySet[Operation]:
        """Those the visitor may see."""
        return visible(self.request)

    def get_template_names(self) -> list[str]:
        """Only what changes, when it asks for itself."""
        return ["operations/_detail.html" if is_part(self.request, "operation") else self.template_name]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds whether what it was about can still be opened."""
        there = Container.objects.visible_to(self.request.user).filter(pk=self.object.object_id).exists()  # type: ignore[arg-type]
        return super().get_context_data(**kwargs) | {"object_is_there": there}


class Piece(OperationPage):
    """An operation as a part of another page: `notice` in a corner, `card` in its flow."""

    piece = "card"

    def get_template_names(self) -> list[str]:
        """Each piece has a template of its own."""
        return [f"operations/_{self.piece}.html"]


class Cancel(Page):
    """Ask the host to stop it."""

    permission_required = "operations.view"
    http_method_names = ("post",)

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Nothing to show: the operation's own piece of the page tells how it ends."""
        operation = get_object_or_404(visible(request), pk=pk)
        try:
            services.cancel(actor=self.actor, operation=operation)
        except Refused as refusal:
            return render(request, "pages/_refusal_notice.html", {"refusal": refusal})
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponse(status=204)
        return redirect("operations:detail", pk)


def visible(request: HttpRequest) -> QuerySet[Operation]:
    """The operations the visitor may see."""
    return Operation.objects.visible_to(request.user).select_related("host")  # type: ignore[arg-type]
