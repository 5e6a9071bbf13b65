"""The page on which containers that do not run are removed, which first shows them and what they take."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from panel.agent.client import AgentError
from panel.containers import live, services
from panel.errors import Refused
from panel.pages.access import Page


class Prune(Page):
    """Shows what would go; the button takes it."""

    permission_required = ("containers.view", "containers.delete")

    def get(self, request: HttpRequest) -> HttpResponse:
        """What would go, as the host says now; or why it does not say."""
        try:
            found = live.read("prunable", timeout_s=300)
        except AgentError as error:
            return render(request, "containers/prune.html", {"error": error}, status=503)
        return render(request, "containers/prune.html", {"found": found})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask the host for it, and show how it goes."""
        try:
            operation = services.prune(actor=self.actor)
        except Refused as refusal:
            return render(request, "containers/prune.html", {"error": refusal}, status=409)
        return redirect("operations:detail", operation.pk)
