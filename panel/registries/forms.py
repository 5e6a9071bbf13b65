"""The forms of the registry pages, and the list's filters."""

from typing import Any

import django_filters
from django import forms
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from panel.pages.asking import AskingForm, lines
from panel.registries.models import Registry


class RegistryFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`search` looks at name and title."""

    search = django_filters.CharFilter(method="by_text")

    class Meta:
        model = Registry
        fields: list[str] = []

    def by_text(self, rows: Any, name: str, text: str) -> QuerySet[Registry]:
        """The model's own search."""
        return rows.search(text.strip())  # type: ignore[no-any-return]


class RegistryForm(AskingForm):
    """How a registry is reached."""

    title = forms.CharField(
        label=_("Title"), required=False, max_length=100, help_text=_("What people call it, such as Docker Hub.")
    )
    mirrors = forms.CharField(
        label=_("Mirrors"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "https://mirror.example.org"}),
        help_text=_("One address a line, tried first and in this order for pulls. No password is sent to them."),
    )
    ca_certificates = forms.CharField(
        label=_("Certificates of its authority"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "placeholder": "-----BEGIN CERTIFICATE-----"}),
        help_text=_("In PEM; needed only where the system does not know who signed its certificate."),
    )
    is_insecure = forms.BooleanField(
        label=_("Insecure"),
        required=False,
        help_text=_("Allow plain HTTP, and TLS whose certificate is not verified: passwords may be read on the way."),
    )
    is_enabled = forms.BooleanField(
        label=_("Enabled"), required=False, help_text=_("Otherwise nothing is pulled from it or pushed to it.")
    )
    typed = ("name", "mirrors", "ca_certificates")
    mono = ("mirrors", "ca_certificates")

    def how(self) -> dict[str, Any]:
        """What was filled in, as the service takes it."""
        return self.cleaned_data | {"mirrors": lines(self.cleaned_data["mirrors"])}


class NewRegistryForm(RegistryForm):
    """A registry with its name."""

    name = forms.CharField(
        label=_("Name"), help_text=_("As images' names begin: docker.io, ghcr.io, registry.example.org:5000.")
    )
    field_order = ("name",)

    def asked(self) -> dict[str, Any]:
        """What was filled in, as the service takes it."""
        how = self.how()
        return {"name": how.pop("name"), "how": how}


class SecretForm(AskingForm):
    """Another secret. It is never sent back to the browser."""

    secret = forms.CharField(
        label=_("Password or access token"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Kept encrypted. It is not shown again."),
    )


class CredentialForm(SecretForm):
    """Who signs in at a registry, and who may use it: `owners` are the choices the visitor has."""

    registry = forms.CharField(
        label=_("Registry"),
        help_text=_("Its name or address; docker.io is Docker Hub."),
        widget=forms.TextInput(attrs={"list": "registries", "placeholder": "docker.io"}),
    )
    username = forms.CharField(label=_("User name"), required=False)
    is_identity_token = forms.BooleanField(
        label=_("It is an identity token"),
        required=False,
        help_text=_("One that a registry gave out; most have passwords and access tokens."),
    )
    owner = forms.ChoiceField(label=_("May be used by"), required=False)
    field_order = ("registry", "username", "secret", "is_identity_token", "owner")
    typed = ("registry", "username")
    places = {"name": "registry", "is_own": "owner", "group": "owner"}

    OWN, SHARED, GROUP = "own", "shared", "group:"

    def __init__(self, *args: Any, for_others: bool, **kwargs: Any) -> None:
        self._for_others = for_others
        super().__init__(*args, **kwargs)

    def fit(self) -> None:
        """Only who may keep credentials for others is asked for whom one is."""
        if not self._for_others:
            del self.fields["owner"]
            return
        owner = self.fields["owner"]
        assert isinstance(owner, forms.ChoiceField)  # noqa: S101 - declared above
        groups = [(f"{self.GROUP}{group.name}", group.name) for group in Group.objects.order_by("name")]
        owner.choices = [(self.OWN, _("Only me")), (self.SHARED, _("Everybody")), (_("A group"), groups)]

    def asked(self) -> dict[str, Any]:
        """What was filled in, as the service takes it."""
        asked = dict(self.cleaned_data)
        owner = asked.pop("owner", "") or self.OWN
        group = Group.objects.filter(name=owner.removeprefix(self.GROUP)).first() if ":" in owner else None
        return asked | {"is_own": owner == self.OWN, "group": group}


class ImportForm(AskingForm):
    """What `docker login` wrote."""

    text = forms.CharField(
        label=_("Content of ~/.docker/config.json"),
        widget=forms.Textarea(attrs={"rows": 12, "placeholder": '{"auths": {"https://index.docker.io/v1/": …}}'}),
        help_text=_("Every password in it is kept, encrypted, for you alone."),
    )
    typed = mono = ("text",)
