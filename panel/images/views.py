"""The image pages: list, upload, removal. The bytes of an upload go to the REST door (static/src/upload.js)."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from panel.images import services
from panel.images.forms import BootstrapForm, ImageFilter
from panel.images.models import Image
from panel.operations.models import Operation
from panel.pages.access import Page
from panel.pages.acting import ActionPage
from panel.pages.form_page import FormPage
from panel.pages.lists import ListPage


class ImageList(ListPage):
    """All images, the newest first."""

    permission_required = "images.view"
    template_name = "images/list.html"
    part_name = "images/_list.html"
    filter_class = ImageFilter
    sorts = {"size": "size_bytes", "created": "created_at"}

    def visible(self) -> QuerySet[Image]:
        """Those the visitor may see."""
        return Image.objects.visible_to(self.request.user).with_updates().select_related("host")  # type: ignore[arg-type]


class Upload(Page, TemplateView):
    """Where archives are dropped; operations that load some right now are shown as well, so a reload loses nothing."""

    permission_required = "images.load"
    template_name = "images/upload.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the loads that are under way."""
        loads = Operation.objects.visible_to(self.request.user).open()  # type: ignore[arg-type]
        kinds = ("images.load", "images.import_rootfs")
        return super().get_context_data(**kwargs) | {"loads": loads.filter(kind__in=kinds).select_related("host")}


class Bootstrap(FormPage):
    """Make an image of a distribution's packages."""

    permission_required = ("images.view", "images.load")
    heading, submit = _("Image of a distribution"), _("Make image")
    lead = _(
        "Packages come from a mirror of Debian or of a distribution made like it, such as Ubuntu; no registry is "
        "needed. Their signature is checked, and they configure themselves in a container without network."
    )

    def form(self, data: Any = None) -> BootstrapForm:
        """Debian's stable suite to begin with."""
        return BootstrapForm(data, initial={"suite": "bookworm", "reference": "debian:bookworm", "components": "main"})

    def back(self) -> tuple[str, str | Promise]:
        """The list."""
        return reverse("images:list"), _("Images")

    def send(self, form: BootstrapForm) -> HttpResponse:
        """To the operation, which takes a minute or two."""
        return redirect("operations:detail", services.bootstrap(actor=self.actor, asked=form.asked()).pk)


class Remove(ActionPage):
    """Remove an image with all its references."""

    permission_required = "images.view"

    def rows(self) -> QuerySet[Image]:
        """Those the visitor may see."""
        return Image.objects.visible_to(self.request.user).select_related("host")  # type: ignore[arg-type]

    def act(self, row: Image) -> Operation:
        """The service of the same name; a host refuses an image that a container uses."""
        return services.remove(actor=self.actor, image=row, force=len(row.references) > 1)
