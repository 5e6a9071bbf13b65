"""The pages of one image, each a tab: overview, layers, files, a comparison with another one, containers."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from panel.agent.client import AgentError
from panel.containers import live
from panel.containers.models import Container
from panel.images.models import Image, TrackedTag
from panel.images.reading import TIMEOUT_S, of
from panel.images.references import familiar
from panel.pages.asking import AskingForm
from panel.pages.lists import is_part
from panel.pages.objects import ObjectPage

MOST_USERS = 200
MOST_OTHERS = 500
PAGE = 100
KINDS = [("", _("Any change")), ("added", _("Added")), ("changed", _("Changed")), ("deleted", _("Deleted"))]


class ImagePage(ObjectPage):
    """One image; the tabs differ in their templates."""

    permission_required = "images.view"
    context_object_name = "image"
    list_name = "images:list"
    leading_part = "image"
    gone_words = _("The image was removed")

    def get_queryset(self) -> QuerySet[Image]:
        """Those the visitor may see."""
        return Image.objects.visible_to(self.request.user).select_related("host")  # type: ignore[arg-type]

    def get_template_names(self) -> list[str]:
        """Only the head with the buttons when it asks for itself."""
        return ["images/_head.html" if is_part(self.request, "image") else self.template_name]

    def told(self, what: str, query: list[tuple[str, str]] | None = None) -> dict[str, Any]:
        """What its host tells of it; without an answer only `error`, which says why."""
        if is_part(self.request, "image"):
            return {}
        try:
            return live.read(of(self.object, what), query or [], timeout_s=TIMEOUT_S)
        except AgentError as error:
            return {"error": error}

    def users(self) -> QuerySet[Container]:
        """Containers that were made from it, or mount it."""
        containers = Container.objects.visible_to(self.request.user).unhealthy_first()  # type: ignore[arg-type]
        return containers.filter(host=self.object.host_id).using_image(self.object.image_id)


class Overview(ImagePage):
    """What it is and what it runs by default."""

    template_name = "images/overview.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds how many containers use it, and what is known of its tags at their registries."""
        tags = TrackedTag.objects.filter(host=self.object.host_id, image_id=self.object.image_id)
        return super().get_context_data(**kwargs) | {"uses": self.users().count(), "tags": tags}


class Layers(ImagePage):
    """How it was made, and its layers."""

    template_name = "images/layers.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the steps and the layers, each with the images here that share it."""
        told = self.told("history") | self.told("layers")
        shared = {image_id for layer in told.get("layers", ()) for image_id in layer["shared_with"]}
        others = {image.image_id: image for image in self.get_queryset().filter(image_id__in=shared)}
        for layer in told.get("layers", ()):
            layer["others"] = [others[image_id] for image_id in layer["shared_with"] if image_id in others]
        return super().get_context_data(**kwargs) | told


class FilesForm(AskingForm):
    """Which files are wanted."""

    search = forms.CharField(required=False, max_length=300)
    kind = forms.ChoiceField(label=_("Change"), choices=KINDS, required=False)
    after = forms.CharField(required=False, max_length=10_000, widget=forms.HiddenInput)

    def query(self) -> list[tuple[str, str]]:
        """The same for the agent; what cannot be is left out."""
        given = self.cleaned_data if self.is_valid() else {}
        return [("limit", str(PAGE)), *((name, str(value)) for name, value in given.items() if value)]


class LayerFilesForm(FilesForm):
    """The same of one layer, or of all."""

    layer = forms.IntegerField(required=False, min_value=1)


class Files(ImagePage):
    """What its layers add, change and delete."""

    template_name = "images/files.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds one page of them."""
        form = LayerFilesForm(self.request.GET)
        numbers = [str(number) for number, _layer in enumerate(self.object.config.get("layers", ()), 1)]
        context = super().get_context_data(**kwargs) | {"form": form, "numbers": numbers}
        return context | self.told("files", form.query())

    def get_template_names(self) -> list[str]:
        """Only the list, when the filters ask for it."""
        return ["images/_files.html"] if is_part(self.request, "list") else super().get_template_names()


class Compare(ImagePage):
    """How another image differs from it."""

    template_name = "images/compare.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the images to choose from and, when one is chosen, the differences."""
        images = self.get_queryset().filter(host=self.object.host_id).exclude(pk=self.object.pk)
        asked = self.request.GET.get("other", "")
        other = images.filter(pk=asked).first() if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
        context = super().get_context_data(**kwargs) | {
            "others": self.choices(images, other),
            "other": other,
            "form": FilesForm(self.request.GET),
        }
        return context | self.differences(other, context["form"]) if other is not None else context

    def choices(self, images: QuerySet[Image], chosen: Image | None) -> list[tuple[Image, str]]:
        """Images to compare with, by name; the chosen one is among them however many there are."""
        offered = list(images.defer("config")[:MOST_OTHERS])
        if chosen is not None and chosen not in offered:
            offered.insert(0, chosen)
        return [(image, familiar(str(image))) for image in offered]

    def differences(self, other: Image, form: FilesForm) -> dict[str, Any]:
        """What its host tells of the two."""
        pair = [("other", other.image_id)]
        return self.told("comparison", pair) | self.told("comparison/files", [*pair, *form.query()])

    def get_template_names(self) -> list[str]:
        """Only the list of files, when the filters ask for it."""
        return ["images/_files.html"] if is_part(self.request, "list") else super().get_template_names()


class Containers(ImagePage):
    """Who uses it."""

    template_name = "images/containers.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the containers that were made from it, or mount it."""
        return super().get_context_data(**kwargs) | {"containers": self.users()[:MOST_USERS]}
