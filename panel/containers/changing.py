"""The page a container is changed on: its name, its limits and its restart policy, whether it runs or not."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _

from panel.containers import services
from panel.containers.forms import MIB, LimitsForm
from panel.containers.models import Container
from panel.errors import Refused
from panel.operations.models import Operation
from panel.pages.access import Page
from panel.pages.asking import AskingForm


class RenameForm(AskingForm):
    """Its new name."""

    name = forms.CharField(label=_("Name"), max_length=128)
    typed = ("name",)


class ChangePage(Page):
    """What both forms of the page share; each is answered by the page again when a value is refused."""

    permission_required = ("containers.view", "containers.operate")

    def container(self, pk: str) -> Container:
        """The one the address names, if the visitor may see it."""
        return get_object_or_404(Container.objects.visible_to(self.request.user), pk=pk)  # type: ignore[arg-type]

    def show(
        self, container: Container, *, limits: LimitsForm | None = None, rename: RenameForm | None = None
    ) -> HttpResponse:
        """The page with both forms, the given one as it was sent."""
        context = {
            "container": container,
            "limits": limits or LimitsForm(initial=_as_it_is(container)),
            "rename": rename or RenameForm(initial={"name": container.name}),
        }
        return render(self.request, "containers/change.html", context, status=422 if limits or rename else 200)

    def answer(self, container: Container, operation: Operation) -> HttpResponse:
        """To the container's page, which tells how it goes."""
        return redirect("containers:overview", container.pk)


class Change(ChangePage):
    """The page, and its form of limits."""

    def get(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Filled in with what is now."""
        return self.show(self.container(pk))

    def post(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Change what differs from now; a field that was emptied lifts its limit."""
        container, form = self.container(pk), LimitsForm(request.POST)
        if form.is_valid():
            try:
                operation = services.update(actor=self.actor, container=container, change=_change(container, form))
            except Refused as refusal:
                form.add_refusal(refusal)
            else:
                return self.answer(container, operation)
        return self.show(container, limits=form)


class Rename(ChangePage):
    """The form of its name."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Call it so."""
        container, form = self.container(pk), RenameForm(request.POST)
        if form.is_valid():
            try:
                operation = services.rename(actor=self.actor, container=container, name=form.cleaned_data["name"])
            except Refused as refusal:
                form.add_refusal(refusal)
            else:
                return self.answer(container, operation)
        return self.show(self.container(pk), rename=form)


def _as_it_is(container: Container) -> dict[str, Any]:
    """The form's values for what the container is held to now."""
    limits, policy = container.spec.get("resources", {}), container.spec.get("restart", {})
    shown = {
        field: _mebibytes(limits.get(limit)) if limit.endswith("_bytes") else limits.get(limit)
        for limit, field in LimitsForm.LIMITS.items()
    }
    return shown | {"restart": policy.get("name", "no"), "restart_retries": policy.get("max_retries") or None}


def _change(container: Container, form: LimitsForm) -> dict[str, Any]:
    """`engine.Update` as JSON: what the form says otherwise than it was filled in."""
    asked, shown, new = form.cleaned_data, _as_it_is(container), form.limits()
    change: dict[str, Any] = {
        "resources": {limit: new[limit] for limit, field in LimitsForm.LIMITS.items() if asked[field] != shown[field]}
    }
    if any((asked[name] or None) != shown[name] for name in ("restart", "restart_retries")):
        change["restart"] = form.restart_policy()
    return change


def _mebibytes(count: int | None) -> int | None:
    return None if count is None else count if count < 0 else count // MIB
