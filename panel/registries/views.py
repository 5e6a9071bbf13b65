"""The registry pages: the list, one registry with its credentials, and their forms."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView

from panel.errors import Refused
from panel.operations.models import Operation
from panel.pages.access import Page, may
from panel.pages.acting import ActionPage
from panel.pages.form_page import FormPage
from panel.pages.lists import ListPage, is_part
from panel.registries import docker_config, services
from panel.registries.forms import CredentialForm, ImportForm, NewRegistryForm, RegistryFilter, RegistryForm, SecretForm
from panel.registries.models import Credential, Registry

MOST_SHOWN = 100


class RegistryList(ListPage):
    """All registries, with how many credentials the visitor knows of."""

    permission_required = "registries.view"
    template_name = "registries/list.html"
    part_name = "registries/_list.html"
    filter_class = RegistryFilter
    sorts = {"name": "name"}
    default_sort = "name"

    def visible(self) -> QuerySet[Registry]:
        """Those the visitor may see."""
        known = Credential.objects.all().visible_to(self.request.user).order_by()  # type: ignore[arg-type]
        counted = Count("credentials", filter=Q(credentials__in=known.values("pk")))
        return Registry.objects.all().visible_to(self.request.user).annotate(credential_count=counted)  # type: ignore[arg-type]


class RegistryPage(Page, DetailView):  # type: ignore[type-arg]
    """One registry: how it is reached, and who signs in."""

    permission_required = "registries.view"
    template_name = "registries/detail.html"
    context_object_name = "registry"

    def get_queryset(self) -> QuerySet[Registry]:
        """Those the visitor may see."""
        return Registry.objects.all().visible_to(self.request.user)  # type: ignore[arg-type]

    def get_template_names(self) -> list[str]:
        """Only the credentials, when they ask for themselves after a check."""
        return ["registries/_credentials.html" if is_part(self.request, "credentials") else self.template_name or ""]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the credentials the visitor knows of."""
        known = Credential.objects.all().visible_to(self.request.user)  # type: ignore[arg-type]
        rows = known.filter(registry=self.object).select_related("registry", "user", "group")[:MOST_SHOWN]
        return super().get_context_data(**kwargs) | {"credentials": rows}


class Add(FormPage):
    """Set up a registry."""

    permission_required = ("registries.view", "registries.manage")
    heading, submit = _("Add registry"), _("Add registry")

    def form(self, data: Any = None) -> NewRegistryForm:
        """Empty, and enabled."""
        return NewRegistryForm(data, initial={"is_enabled": True})

    def back(self) -> tuple[str, str | Promise]:
        """The list."""
        return to_list()

    def send(self, form: NewRegistryForm) -> HttpResponse:
        """To its page."""
        return redirect("registries:detail", services.add(actor=self.actor, **form.asked()).pk)


class Change(FormPage):
    """Change how a registry is reached."""

    permission_required = ("registries.view", "registries.manage")
    submit = _("Save")

    @property
    def registry(self) -> Registry:
        """The one the address names."""
        return get_object_or_404(Registry, pk=self.kwargs["pk"])

    @property
    def heading(self) -> str:  # type: ignore[override]
        """Its name."""
        return gettext("Change %(name)s") % {"name": self.registry.name}

    def form(self, data: Any = None) -> RegistryForm:
        """As it is now."""
        registry = self.registry
        names = ("title", "ca_certificates", "is_insecure", "is_enabled")
        now = {name: getattr(registry, name) for name in names} | {"mirrors": "\n".join(registry.mirrors)}
        return RegistryForm(data, initial=now)

    def back(self) -> tuple[str, str | Promise]:
        """Its page."""
        return to_registry(self.registry)

    def send(self, form: RegistryForm) -> HttpResponse:
        """To its page."""
        return redirect(
            "registries:detail", services.change(actor=self.actor, registry=self.registry, how=form.how()).pk
        )


class Remove(Page):
    """Forget a registry; its page has asked before."""

    permission_required = "registries.view"
    http_method_names = ("post",)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Back to the list."""
        services.remove(actor=self.actor, registry=get_object_or_404(Registry, pk=pk))
        return redirect("registries:list")


class AddCredential(FormPage):
    """Keep who signs in; `?registry=` fills in where."""

    permission_required = ("registries.view", "registries.use")
    template_name = "registries/credential.html"
    heading, submit = _("Add credential"), _("Keep credential")
    lead = _("Pulls and pushes sign in with it. Your own goes before a group's, and a group's before everybody's.")

    def form(self, data: Any = None) -> CredentialForm:
        """Empty, but for the registry."""
        asked = {"registry": self.request.GET.get("registry", ""), "owner": CredentialForm.OWN}
        return CredentialForm(data, initial=asked, for_others=may(self.request, "registries.manage"))

    def back(self) -> tuple[str, str | Promise]:
        """The registry's page, or the list."""
        registry = Registry.objects.filter(name=self.request.GET.get("registry", "")).first()
        return to_registry(registry) if registry else to_list()

    def send(self, form: CredentialForm) -> HttpResponse:
        """To the registry's page."""
        credential = services.add_credential(actor=self.actor, **form.asked())
        return redirect("registries:detail", credential.registry_id)

    def further(self) -> dict[str, Any]:
        """The names there are to choose from."""
        return {"registries": Registry.objects.values_list("name", flat=True)[:MOST_SHOWN]}


class ChangeSecret(FormPage):
    """Give a credential another secret."""

    permission_required = ("registries.view", "registries.use")
    heading, submit = _("Change secret"), _("Save")

    @property
    def credential(self) -> Credential:
        """The one the address names, if the visitor may know of it."""
        return get_object_or_404(credentials_of(self.request), pk=self.kwargs["pk"])

    def form(self, data: Any = None) -> SecretForm:
        """Empty: a secret is not shown again."""
        return SecretForm(data)

    def back(self) -> tuple[str, str | Promise]:
        """The registry's page."""
        return to_registry(self.credential.registry)

    def send(self, form: SecretForm) -> HttpResponse:
        """To the registry's page."""
        credential = self.credential
        services.change_secret(actor=self.actor, credential=credential, secret=form.cleaned_data["secret"])
        return redirect("registries:detail", credential.registry_id)


class RemoveCredential(Page):
    """Forget a credential; the page has asked before."""

    permission_required = "registries.view"
    http_method_names = ("post",)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Back to the registry's page."""
        credential = get_object_or_404(credentials_of(request), pk=pk)
        registry = credential.registry_id
        try:
            services.remove_credential(actor=self.actor, credential=credential)
        except Refused as refusal:
            messages.error(request, f"{refusal.message} {refusal.hint}")
        return redirect("registries:detail", registry)


class CheckCredential(ActionPage):
    """Sign in with it, and nothing else."""

    permission_required = "registries.view"

    def rows(self) -> QuerySet[Credential]:
        """Those the visitor may know of."""
        return credentials_of(self.request)

    def act(self, row: Credential) -> Operation:
        """The service of the same name."""
        return services.check_credential(actor=self.actor, credential=row)


class Import(FormPage):
    """Keep what `docker login` wrote."""

    permission_required = ("registries.view", "registries.use")
    heading, submit = _("Import Docker's sign-ins"), _("Import")

    def form(self, data: Any = None) -> ImportForm:
        """Empty."""
        return ImportForm(data)

    def back(self) -> tuple[str, str | Promise]:
        """The list."""
        return to_list()

    def send(self, form: ImportForm) -> HttpResponse:
        """To the list, which says how many there were."""
        config = docker_config.parsed(form.cleaned_data["text"])
        kept = len(services.import_docker_config(actor=self.actor, config=config))
        told = ngettext("%(count)d credential is kept.", "%(count)d credentials are kept.", kept)
        messages.success(self.request, told % {"count": kept})
        return redirect("registries:list")


def credentials_of(request: HttpRequest) -> QuerySet[Credential]:
    """Those the visitor may know of."""
    return Credential.objects.all().visible_to(request.user).select_related("registry", "user", "group")  # type: ignore[arg-type]


def to_list() -> tuple[str, Promise | str]:
    """The way to the list."""
    return reverse("registries:list"), _("Registries")


def to_registry(registry: Registry) -> tuple[str, Promise | str]:
    """The way to a registry's page."""
    return reverse("registries:detail", args=[registry.pk]), registry.name
