"""The pages of pulls, pushes and names."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from panel.errors import Refused
from panel.images import services
from panel.images.models import Image
from panel.images.references import familiar
from panel.images.transfer_forms import PLATFORMS, PullForm, TagForm, TransferForm
from panel.operations.models import Operation
from panel.pages.access import Page, may
from panel.pages.acting import ActionPage
from panel.pages.form_page import FormPage
from panel.registries.access import way_for
from panel.registries.models import Credential, Registry
from panel.registries.names import reference as reference_meant


class Pull(FormPage):
    """Bring an image from its registry; `?reference=` fills it in."""

    permission_required = ("images.view", "images.pull")
    template_name = "images/transfer.html"
    heading, submit = _("Pull an image"), _("Pull")
    lead = _("From Docker Hub, or from the registry that its name begins with.")

    def form(self, data: Any = None) -> PullForm:
        """Empty, but for the reference."""
        asked = {"reference": self.request.GET.get("reference", "")}
        form = PullForm(data, initial=asked, credentials=usable(self.request))
        form.fields["reference"].widget.attrs["placeholder"] = "debian:bookworm"
        return form

    def back(self) -> tuple[str, str | Promise]:
        """The list."""
        return reverse("images:list"), _("Images")

    def send(self, form: PullForm) -> HttpResponse:
        """To the operation, which shows each layer."""
        return redirect("operations:detail", services.pull(actor=self.actor, **form.asked()).pk)

    def further(self) -> dict[str, Any]:
        """Platforms to choose from."""
        return {"platforms": PLATFORMS}


class OfImage(FormPage):
    """A form about one image."""

    @property
    def image(self) -> Image:
        """The one the address names, if the visitor may see it."""
        rows = Image.objects.visible_to(self.request.user).select_related("host")  # type: ignore[arg-type]
        return get_object_or_404(rows, pk=self.kwargs["pk"])

    def back(self) -> tuple[str, str | Promise]:
        """Its page."""
        return reverse("images:detail", args=[self.kwargs["pk"]]), familiar(str(self.image))


class Push(OfImage):
    """Bring an image to a registry."""

    permission_required = ("images.view", "images.push")
    template_name = "images/transfer.html"
    submit = _("Push")

    @property
    def heading(self) -> str:  # type: ignore[override]
        """Which image."""
        return gettext("Push %(image)s") % {"image": familiar(str(self.image))}

    def form(self, data: Any = None) -> TransferForm:
        """With the name it has."""
        image = self.image
        asked = {"reference": image.references[0] if image.references else ""}
        form = TransferForm(data, initial=asked, credentials=usable(self.request))
        form.fields["reference"].help_text = _("Where it goes: registry, repository and tag.")
        return form

    def send(self, form: TransferForm) -> HttpResponse:
        """To the operation, which shows each layer."""
        return redirect("operations:detail", services.push(actor=self.actor, image=self.image, **form.asked()).pk)


class Tag(OfImage):
    """Give an image one more name."""

    permission_required = ("images.view", "images.tag")
    submit = _("Add name")

    @property
    def heading(self) -> str:  # type: ignore[override]
        """Which image."""
        return gettext("Another name for %(image)s") % {"image": familiar(str(self.image))}

    def form(self, data: Any = None) -> TagForm:
        """Empty."""
        return TagForm(data)

    def send(self, form: TagForm) -> HttpResponse:
        """To the image's page."""
        services.tag(actor=self.actor, image=self.image, reference=form.cleaned_data["reference"])
        return redirect("images:detail", self.image.pk)


class CheckReference(Page):
    """What a reference that is being typed means: where it leads, and who would sign in there."""

    permission_required = "images.view"

    def get(self, request: HttpRequest) -> HttpResponse:
        """A line below the field."""
        text = request.GET.get("reference", "").strip()
        context: dict[str, Any] = {"text": text}
        if text:
            try:
                named = reference_meant(text)
                context |= {"named": named, "registry": Registry.objects.filter(name=named.domain).first()}
                context["credential"] = way_for(self.actor, named.domain, self.chosen()).credential
            except Refused as refusal:
                context["refusal"] = refusal
        return render(request, "images/_reference_check.html", context)

    def chosen(self) -> Credential | None:
        """Whose sign-in was chosen in the form; None for whoever is closest."""
        number = self.request.GET.get("credential", "")
        is_number = number.isascii() and number.isdigit() and len(number) < 19
        chosen: Credential | None = usable(self.request).filter(pk=number).first() if is_number else None
        return chosen


class CheckUpdates(ActionPage):
    """Ask whether an image's tags have moved."""

    permission_required = "images.view"

    def rows(self) -> Any:
        """Those the visitor may see."""
        return Image.objects.visible_to(self.request.user).select_related("host")  # type: ignore[arg-type]

    def act(self, row: Image) -> Operation:
        """The service of the same name."""
        return services.check_updates(actor=self.actor, image=row)


def usable(request: HttpRequest) -> Any:
    """The credentials the visitor may sign in with."""
    if not may(request, "registries.use"):
        return Credential.objects.none()
    return Credential.objects.all().usable_by(request.user).select_related("registry")  # type: ignore[arg-type]
