"""The forms of pulls, pushes and names."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from panel.hosts.forms import HostChoice, host_asked, without_needless_host
from panel.pages.asking import AskingForm
from panel.registries.models import Credential

PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/riscv64")


class CredentialChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # Django has no arguments for it at run time
    """Whose sign-in is used: the closest one, unless one is chosen."""

    def __init__(self) -> None:
        super().__init__(
            Credential.objects.none(),
            label=_("Sign in as"),
            required=False,
            empty_label=_("Whoever is closest: you, your group, everybody's"),
        )


class TransferForm(AskingForm):
    """A name at a registry, and who signs in there; `credentials` are those the visitor may use."""

    reference = forms.CharField(
        label=_("Reference"),
        max_length=500,
        widget=forms.TextInput(
            attrs={
                "hx-get": reverse_lazy("images:check_reference"),
                "hx-trigger": "input changed delay:250ms, load, change from:#id_credential",
                "hx-include": "#id_credential",
                "hx-target": "#reference-check",
                "hx-swap": "innerHTML",
            }
        ),
    )
    credential = CredentialChoice()
    typed = mono = ("reference", "platform")

    def __init__(self, *args: Any, credentials: QuerySet[Credential], **kwargs: Any) -> None:
        self._credentials = credentials
        super().__init__(*args, **kwargs)

    def fit(self) -> None:
        """Nobody is asked who signs in that has nothing to choose from."""
        if not self._credentials.exists():
            del self.fields["credential"]
            return
        choice = self.fields["credential"]
        assert isinstance(choice, forms.ModelChoiceField)  # noqa: S101 - declared above
        choice.queryset = self._credentials

    def asked(self) -> dict[str, Any]:
        """What was filled in, as the service takes it."""
        return {"credential": None} | self.cleaned_data


class PullForm(TransferForm):
    """An image to be brought from its registry."""

    platform = forms.CharField(
        label=_("Platform"),
        required=False,
        widget=forms.TextInput(attrs={"list": "platforms", "placeholder": "linux/arm64/v8"}),
        help_text=_("Left empty, it is what suits the host best."),
    )
    host = HostChoice()
    field_order = ("reference", "host", "platform", "credential")

    def fit(self) -> None:
        """Nor for a host where there is but one."""
        super().fit()
        without_needless_host(self.fields)

    def asked(self) -> dict[str, Any]:
        """What was filled in, as the service takes it."""
        return super().asked() | {"host": host_asked(self.cleaned_data)}


class TagForm(AskingForm):
    """One more name."""

    reference = forms.CharField(
        label=_("Reference"), max_length=500, help_text=_("Another image of the host that has this name loses it.")
    )
    typed = mono = ("reference",)
