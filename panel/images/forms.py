"""The forms of the image pages, and the list's filters."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from panel.images.models import Image
from panel.pages.asking import AskingForm


class ImageFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`search` looks at references and id."""

    search = django_filters.CharFilter(method="by_text")

    class Meta:
        model = Image
        fields: list[str] = []

    def by_text(self, rows: Any, name: str, text: str) -> QuerySet[Image]:
        """The model's own search."""
        return rows.search(text.strip())  # type: ignore[no-any-return]


class BootstrapForm(AskingForm):
    """A distribution, and the image it becomes."""

    reference = forms.CharField(label=_("Reference"), help_text=_("The name the new image gets."))
    suite = forms.CharField(label=_("Suite"), help_text=_("The release's code name: bookworm, trixie, jammy, noble."))
    mirror = forms.CharField(
        label=_("Mirror"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "http://mirror.example.org/debian", "inputmode": "url"}),
        help_text=_("The distribution's own if left empty."),
    )
    components = forms.CharField(label=_("Components"), required=False, help_text=_("Separated by spaces."))
    packages = forms.CharField(
        label=_("Further packages"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "ca-certificates curl"}),
        help_text=_("Beside the smallest set that has apt. Separated by spaces."),
    )
    keyring = forms.CharField(
        label=_("Keyring"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "debian-archive-keyring.gpg"}),
        help_text=_(
            "A file of the host's in /usr/share/keyrings or /etc/apt/keyrings; the distribution's own if left empty."
        ),
    )
    typed = mono = ("reference", "suite", "mirror", "components", "packages", "keyring")

    def asked(self) -> dict[str, Any]:
        """What was filled in, as the service takes it."""
        data = self.cleaned_data
        words = {name: data[name].split() for name in ("components", "packages") if data[name]}
        return {name: data[name] for name in ("reference", "suite", "mirror", "keyring")} | words
