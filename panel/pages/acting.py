"""Buttons that ask a host for something: the answer is a notice that follows the operation, or says why not."""

from typing import Any

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from panel.errors import Refused
from panel.operations.models import Operation
from panel.pages.access import Page


class ActionPage(Page):
    """One button. `rows` finds what it is about; `act` calls the service, which checks the permission itself.

    `permission_required` is therefore only what seeing the object needs: the service's refusal names the object.
    """

    http_method_names = ("post",)

    def rows(self) -> QuerySet[Any]:
        """What the visitor may see."""
        raise NotImplementedError

    def act(self, row: Any) -> Operation:
        """Call the service."""
        raise NotImplementedError

    def post(self, request: HttpRequest, pk: str) -> HttpResponse:
        """A notice for a script's request; without scripts, back to where the button was."""
        row: Model = get_object_or_404(self.rows(), pk=pk)
        try:
            operation = self.act(row)
        except Refused as refusal:
            return self.refused(request, refusal)
        if request.htmx:  # type: ignore[attr-defined]
            return render(request, "operations/_notice.html", {"operation": operation})
        return redirect("operations:detail", operation.pk)

    def refused(self, request: HttpRequest, refusal: Refused) -> HttpResponse:
        """Say why nothing was done and what to do instead."""
        if request.htmx:  # type: ignore[attr-defined]
            return render(request, "pages/_refusal_notice.html", {"refusal": refusal})
        messages.error(request, f"{refusal.message} {refusal.hint}")
        return redirect(request.headers.get("Referer") or "/")
