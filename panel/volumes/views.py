"""The volume pages: list, one volume with its backups, the form of a new one."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from panel.agent.client import AgentError
from panel.containers import live
from panel.hosts.choice import host_named
from panel.operations.models import Operation
from panel.pages.access import Page, may
from panel.pages.form_page import FormPage
from panel.pages.lists import is_part
from panel.volumes import backups, services
from panel.volumes.forms import VolumeForm
from panel.volumes.models import BackupSchedule

MOST_SHOWN = 500


class VolumeList(Page):
    """All volumes of the host, by name, as it tells of them now."""

    permission_required = "volumes.view"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The page, or only its list."""
        try:
            found = live.read("volumes")["volumes"]
        except AgentError as error:
            return render(request, "volumes/list.html", {"error": error}, status=503)
        search = request.GET.get("search", "").strip().lower()
        meant = [volume for volume in found if search in volume["name"].lower()]
        failed = set(BackupSchedule.objects.exclude(error="").values_list("volume", flat=True))
        shown = [shaped(volume) | {"has_failed": volume["name"] in failed} for volume in meant[:MOST_SHOWN]]
        context = {"volumes": shown, "more": len(meant) - len(shown), "is_narrowed": bool(search)}
        template = "volumes/_list.html" if is_part(request, "list") else "volumes/list.html"
        return render(request, template, context)


class Detail(Page):
    """One volume, its backups and their schedule."""

    permission_required = "volumes.view"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """As the host tells of it now; its backups for those who may have them."""
        try:
            volume = shaped(live.read(f"volumes/{name}"))
            found = live.read(f"volumes/{name}/backups")["backups"] if may(request, "volumes.manage") else []
        except AgentError as error:
            return render(
                request, "volumes/detail.html", {"error": error, "volume": {"name": name}}, status=error.status
            )
        schedule = BackupSchedule.objects.filter(host=host_named(""), volume=name).first()
        context = {"volume": volume, "backups": [shaped(backup) for backup in found], "schedule": schedule}
        return render(request, "volumes/detail.html", context)


class Create(FormPage):
    """Make a volume."""

    permission_required = ("volumes.view", "volumes.manage")
    heading, submit = _("Create a volume"), _("Create volume")
    lead = _("A folder that outlives the containers it is mounted in.")

    def form(self, data: Any = None) -> VolumeForm:
        """Empty."""
        return VolumeForm(data)

    def back(self) -> tuple[str, str | Promise]:
        """The list."""
        return reverse("volumes:list"), _("Volumes")

    def send(self, form: VolumeForm) -> HttpResponse:
        """To the operation."""
        name, host = form.cleaned_data["name"].strip(), host_named("")
        return redirect(
            "operations:detail", services.create(actor=self.actor, host=host, name=name, spec=form.spec()).pk
        )


class BackUp(Page):
    """Back a volume up now."""

    permission_required = "volumes.view"
    http_method_names = ("post",)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """To the operation, which shows how far it is."""
        freeze = request.POST.get("freeze") == "1"
        operation: Operation = backups.back_up(actor=self.actor, host=host_named(""), name=name, freeze=freeze)
        return redirect("operations:detail", operation.pk)


def shaped(told: dict[str, Any]) -> dict[str, Any]:
    """What the host tells of a volume or backup, its times as times."""
    times = {name: datetime.fromisoformat(told[name]) for name in ("created_at", "measured_at") if told.get(name)}
    return told | times
