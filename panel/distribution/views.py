"""The pages about the panel's own registry: its repositories, their tags, and the namespaces they are in."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView

from panel.accounts.actors import Actor
from panel.distribution import access, governing, retention, services
from panel.distribution.forms import (
    NamespaceForm,
    NewNamespaceForm,
    RepositoryFilter,
    RuleFormSet,
    TagFilter,
)
from panel.distribution.governing import Change, RuleValue
from panel.distribution.models import Manifest, Namespace, Repository, RepositoryBlob, Tag
from panel.errors import Refused
from panel.pages.access import Page, may
from panel.pages.form_page import FormPage
from panel.pages.lists import ListPage

PULL = "distribution.pull"
MOST_SHOWN = 100


class RepositoryList(ListPage):
    """Repositories one may pull from."""

    permission_required = PULL
    template_name = "distribution/list.html"
    part_name = "distribution/_list.html"
    filter_class = RepositoryFilter
    sorts = {"name": "name", "pushed": "pushed_at", "tags": "tag_count"}
    default_sort = "name"

    def visible(self) -> QuerySet[Repository]:
        """Those the visitor may see."""
        rows = Repository.objects.readable_by(self.actor).select_related("namespace")
        return rows.annotate(tag_count=Count("tags"), pushed_at=Max("tags__moved_at")).order_by("name")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the namespaces, also those that are empty yet."""
        namespaces = Namespace.objects.readable_by(self.actor)[:MOST_SHOWN]
        return super().get_context_data(**kwargs) | {"namespaces": namespaces}


class RepositoryPage(ListPage):
    """One repository with its tags, the newest first."""

    permission_required = PULL
    template_name = "distribution/repository.html"
    part_name = "distribution/_tags.html"
    filter_class = TagFilter
    sorts = {"tag": "name", "size": "manifest__total_bytes", "pushed": "moved_at"}
    default_sort = "-pushed"

    @property
    def repository(self) -> Repository:
        """The one the address names."""
        return found_repository(self.actor, self.kwargs["pk"])

    def visible(self) -> QuerySet[Tag]:
        """Its tags."""
        rows = Tag.objects.filter(repository=self.repository).select_related("manifest", "moved_by")
        return rows.defer("manifest__content")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds what it has beside them."""
        repository = self.repository
        size = RepositoryBlob.objects.filter(repository=repository).aggregate(total=Sum("blob__size_bytes"))
        untagged = Manifest.objects.filter(repository=repository).untagged().count()
        return super().get_context_data(**kwargs) | {
            "repository": repository,
            "size_bytes": size["total"] or 0,
            "untagged": untagged,
            "is_own": is_own(self.actor, repository.namespace),
        }


class Deed(Page):
    """A button: what it does is done at once, then the visitor is back where that shows."""

    permission_required = PULL
    http_method_names = ("post",)

    def act(self) -> HttpResponse:
        """Call the service, and lead on."""
        raise NotImplementedError

    def stay(self) -> str:
        """The address of the page the button is on."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Done, or back with the reason why not."""
        try:
            return self.act()
        except Refused as refusal:
            messages.error(request, f"{refusal.message} {refusal.hint}")
            return redirect(self.stay())


class DeleteTag(Deed):
    """Take a tag away."""

    def act(self) -> HttpResponse:
        """The manifest stays."""
        repository = found_repository(self.actor, self.kwargs["pk"])
        services.delete_tag(actor=self.actor, repository=repository, tag=self.kwargs["tag"])
        return redirect(self.stay())

    def stay(self) -> str:
        """The repository's page."""
        return reverse("distribution:repository", args=[self.kwargs["pk"]])


class DeleteRepository(Deed):
    """Delete a repository with all it has."""

    def act(self) -> HttpResponse:
        """To the list."""
        repository = found_repository(self.actor, self.kwargs["pk"])
        governing.delete_repository(actor=self.actor, repository=repository)
        return redirect("distribution:list")

    def stay(self) -> str:
        """The repository's page."""
        return reverse("distribution:repository", args=[self.kwargs["pk"]])


class NamespacePage(Page, DetailView):  # type: ignore[type-arg]
    """One namespace: whose it is and what is kept of it."""

    permission_required = PULL
    template_name = "distribution/namespace.html"
    context_object_name = "namespace"
    slug_field = slug_url_kwarg = "name"

    def get_queryset(self) -> QuerySet[Namespace]:
        """Those the visitor may see."""
        rows = Namespace.objects.readable_by(self.actor).select_related("owner", "group")
        return rows.prefetch_related("rules")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds its repositories, and what its rules would take now."""
        own = is_own(self.actor, self.object)
        going = retention.Gone()
        if own and may(self.request, "distribution.delete"):
            going = governing.retain(actor=self.actor, namespace=self.object, is_dry_run=True)
        repositories = self.object.repositories.annotate(tag_count=Count("tags"))
        return super().get_context_data(**kwargs) | {
            "is_own": own,
            "going": going,
            "going_shown": [*going.tags, *going.manifests][:MOST_SHOWN],
            "going_count": len(going.tags) + len(going.manifests),
            "repositories": repositories[:MOST_SHOWN],
        }


class AddNamespace(FormPage):
    """Make a namespace."""

    permission_required = (PULL, "distribution.manage")
    heading, submit = _("Create namespace"), _("Create namespace")
    lead = _("Its owners push images there, and say who sees them and how long they stay.")

    def form(self, data: Any = None) -> NewNamespaceForm:
        """The visitor's own, unless another owner is chosen."""
        return NewNamespaceForm(data, initial={"owner": self.request.user.pk})

    def back(self) -> tuple[str, str | Promise]:
        """The list."""
        return reverse("distribution:list"), _("Own registry")

    def send(self, form: NewNamespaceForm) -> HttpResponse:
        """To its page."""
        namespace = governing.create_namespace(actor=self.actor, **form.cleaned_data)
        return redirect("distribution:namespace", namespace.name)


class OfNamespace(Page):
    """What the pages and buttons of one namespace share."""

    kwargs: dict[str, Any]

    @property
    def namespace(self) -> Namespace:
        """The one the address names."""
        rows = Namespace.objects.readable_by(self.actor).select_related("owner", "group")
        return get_object_or_404(rows, name=self.kwargs["name"])

    def stay(self) -> str:
        """Its page."""
        return reverse("distribution:namespace", args=[self.kwargs["name"]])


class ChangeNamespace(OfNamespace, FormPage):
    """Change a namespace."""

    permission_required = (PULL, "distribution.push")
    submit = _("Save")

    @property
    def heading(self) -> str:  # type: ignore[override]
        """Its name."""
        return gettext("Change %(name)s") % {"name": self.kwargs["name"]}

    def form(self, data: Any = None) -> NamespaceForm:
        """As it is now."""
        is_manager = may(self.request, access.MANAGE)
        return NamespaceForm(data, namespace=self.namespace, is_manager=is_manager)

    def back(self) -> tuple[str, str | Promise]:
        """Its page."""
        return self.stay(), self.kwargs["name"]

    def send(self, form: NamespaceForm) -> HttpResponse:
        """To its page."""
        governing.change_namespace(actor=self.actor, namespace=self.namespace, change=form.change())
        return redirect(self.stay())


class Rules(OfNamespace):
    """What is kept of a namespace's tags, a row a rule."""

    permission_required = (PULL, "distribution.push")

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The rules as they are, and rows for two more."""
        columns = ("repositories", "tags", "keep_last", "keep_days")
        return self.show(RuleFormSet(initial=list(self.namespace.rules.values(*columns))))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """To the namespace's page, which shows what would go."""
        rows: Any = RuleFormSet(request.POST)
        if not rows.is_valid():
            return self.show(rows, status=422)
        values: list[RuleValue] = [value for row in rows if (value := row.value())]
        try:
            change = Change(rules=values)
            governing.change_namespace(actor=self.actor, namespace=self.namespace, change=change)
        except Refused as refusal:
            return self.show(rows, refusal=refusal, status=422)
        return redirect(self.stay())

    def show(self, rows: Any, *, refusal: Refused | None = None, status: int = 200) -> HttpResponse:
        """The table."""
        context = {"rows": rows, "namespace": self.namespace, "refusal": refusal}
        return render(self.request, "distribution/rules.html", context, status=status)


class Retain(OfNamespace, Deed):
    """Apply a namespace's rules now."""

    def act(self) -> HttpResponse:
        """Back to its page, with what went."""
        gone = governing.retain(actor=self.actor, namespace=self.namespace, is_dry_run=False)
        count = len(gone.tags) + len(gone.manifests)
        text = ngettext("%(count)d tag or manifest was deleted.", "%(count)d tags and manifests were deleted.", count)
        messages.success(self.request, text % {"count": count})
        return redirect(self.stay())


class DeleteNamespace(OfNamespace, Deed):
    """Delete an empty namespace."""

    def act(self) -> HttpResponse:
        """To the list."""
        governing.delete_namespace(actor=self.actor, namespace=self.namespace)
        return redirect("distribution:list")


def found_repository(actor: Actor, pk: int) -> Repository:
    """The repository, if the visitor may see it; Http404."""
    rows = Repository.objects.readable_by(actor).select_related("namespace__owner", "namespace__group")
    return get_object_or_404(rows, pk=pk)


def is_own(actor: Actor, namespace: Namespace) -> bool:
    """Whether the visitor may change what is in it, as far as that depends on the namespace."""
    return actor.may(access.MANAGE) or access.owns(actor, namespace.name)
