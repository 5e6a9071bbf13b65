"""Images that nobody needs: what a prune would take, and the page on which that is shown before it is done."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from panel.accounts.actors import Actor
from panel.agent.client import AgentError
from panel.containers import live
from panel.errors import NotPermitted, Refused
from panel.hosts.choice import host_named
from panel.images import services
from panel.pages.access import Page
from panel.pages.asking import AskingForm

MOST_SHOWN = 500


def prunable(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """What `engine.ImagePruneFilters` mean at this moment. Raises NotPermitted, Invalid, AgentError."""
    if not actor.may("images.view"):
        raise NotPermitted("images.view")
    filters = services.prune_filters(asked)
    query = [("dangling", str(int(filters.dangling))), ("until", filters.until)]
    query += [("label", label) for label in filters.labels]
    query += [("without_label", label) for label in filters.without_labels]
    return live.read("images/prunable", query, timeout_s=300)


class PruneForm(AskingForm):
    """Which of the images that no container uses are meant."""

    named = forms.BooleanField(
        label=_("Those with a name too"),
        required=False,
        help_text=_("Without it only those that lost their last name, as by a newer build or pull."),
    )
    until = forms.DateTimeField(
        label=_("Created before"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    label = forms.CharField(label=_("With the label"), required=False, help_text=_("Such as team or team=blue."))
    without_label = forms.CharField(label=_("Without the label"), required=False)

    typed = ("label", "without_label")
    mono = ("label", "without_label")
    places = {"labels": "label", "without_labels": "without_label"}

    def filters(self) -> dict[str, Any]:
        """The same in the engine's words."""
        given = self.cleaned_data
        return {
            "dangling": not given["named"],
            "until": given["until"].isoformat() if given["until"] else "",
            "labels": [given["label"]] if given["label"] else [],
            "without_labels": [given["without_label"]] if given["without_label"] else [],
        }


class Prune(Page):
    """Shows what would go; the button takes it."""

    permission_required = ("images.view", "images.delete")

    def get(self, request: HttpRequest) -> HttpResponse:
        """What would go, as the host says now; or why it does not say."""
        return self.show(request.GET)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask the host for it, and show how it goes."""
        form = PruneForm(request.POST)
        if not form.is_valid():
            return self.show(request.POST)
        try:
            operation = services.prune(actor=self.actor, host=host_named(""), filters=form.filters())
        except Refused as refusal:
            return render(request, "images/prune.html", {"form": form, "error": refusal}, status=409)
        return redirect("operations:detail", operation.pk)

    def show(self, asked: QueryDict) -> HttpResponse:
        """The filters, and what they mean."""
        form = PruneForm(asked)
        if not form.is_valid():
            return render(self.request, "images/prune.html", {"form": form}, status=422)
        try:
            found = prunable(self.actor, form.filters())
        except AgentError as error:
            return render(self.request, "images/prune.html", {"form": form, "error": error}, status=503)
        shown = found["images"][:MOST_SHOWN]
        context = {"form": form, "found": found, "shown": shown, "more": len(found["images"]) - len(shown)}
        return render(self.request, "images/prune.html", context)
