"""Volumes that nobody needs: what a prune would take, and the page on which that is shown before it is done."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from panel.accounts.actors import Actor
from panel.agent.client import AgentError
from panel.containers import live
from panel.errors import NotPermitted
from panel.hosts.choice import host_named
from panel.pages.access import Page
from panel.volumes import services

_TIMEOUT_S = 300


def prunable(actor: Actor, *, with_named: bool) -> dict[str, Any]:
    """`{"volumes": [{"id", "name", "size_bytes"}], "freed_bytes"}` at this moment. Raises NotPermitted, AgentError."""
    if not actor.may("volumes.view"):
        raise NotPermitted("volumes.view")
    found = live.read("prunable-volumes", [("with_named", str(int(with_named)))], timeout_s=_TIMEOUT_S)["volumes"]
    return {"volumes": found, "freed_bytes": sum(volume["size_bytes"] for volume in found)}


class Prune(Page):
    """Shows what would go; the button takes it."""

    permission_required = ("volumes.view", "volumes.manage")

    def get(self, request: HttpRequest) -> HttpResponse:
        """What would go, as the host says now; or why it does not say."""
        with_named = request.GET.get("with_named") == "on"
        context: dict[str, Any] = {"with_named": with_named}
        try:
            context["found"] = prunable(self.actor, with_named=with_named)
        except AgentError as error:
            return render(request, "volumes/prune.html", context | {"error": error}, status=503)
        return render(request, "volumes/prune.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask the host for it, and show how it goes."""
        with_named = request.POST.get("with_named") == "on"
        operation = services.prune(actor=self.actor, host=host_named(""), with_named=with_named)
        return redirect("operations:detail", operation.pk)
