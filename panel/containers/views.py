"""The container pages: list, create, detail with its tabs, and the buttons."""

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from panel.containers import services, trust
from panel.containers.create_form import CreateForm
from panel.containers.forms import ContainerFilter
from panel.containers.inspection import inspected, lately
from panel.containers.models import Container
from panel.errors import Refused
from panel.images.models import Image, outdated
from panel.images.references import familiar
from panel.operations.models import Operation
from panel.pages.access import Page, may
from panel.pages.acting import ActionPage
from panel.pages.lists import ListPage, is_part
from panel.pages.objects import ObjectPage

LAST_OPERATIONS = 6


def with_verb(containers: QuerySet[Container]) -> QuerySet[Container]:
    """Each with `verb`, the kind of the newest operation about it that has not ended, or None, and whether its image is
    not the newest of its tag."""
    about = Operation.objects.open().filter(object_kind="container", object_id=OuterRef("pk"))
    pending = about.exclude(kind__startswith="files.").order_by("-queued_at")
    return containers.select_related("host").annotate(
        verb=Subquery(pending.values("kind")[:1]), image_is_outdated=outdated()
    )


class ContainerList(ListPage):
    """All containers, those that need a look first."""

    permission_required = "containers.view"
    template_name = "containers/list.html"
    part_name = "containers/_list.html"
    filter_class = ContainerFilter
    sorts = {"name": "name", "image": "image", "created": "created_at", "started": "started_at", "state": "status"}

    def visible(self) -> QuerySet[Container]:
        """Those the visitor may see."""
        return with_verb(Container.objects.visible_to(self.request.user).unhealthy_first())  # type: ignore[arg-type]


class ContainerPage(ObjectPage):
    """One container; the tabs differ in their templates."""

    permission_required: str | tuple[str, ...] = "containers.view"
    context_object_name = "container"
    leading_part = "container-head"
    list_name = "containers:list"
    gone_words = _("The container was removed")
    part_name = ""

    def get_queryset(self) -> QuerySet[Container]:
        """Those the visitor may see."""
        return with_verb(Container.objects.visible_to(self.request.user))  # type: ignore[arg-type]

    def get_template_names(self) -> list[str]:
        """Only the head with the state and buttons, or only the tab's body, when one of them asks for itself."""
        if is_part(self.request, "container-head"):
            return ["containers/_head.html"]
        return [self.part_name if self.part_name and is_part(self.request, "container-body") else self.template_name]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds what happened to the container lately."""
        context = super().get_context_data(**kwargs)
        operations = Operation.objects.visible_to(self.request.user).about("container", self.object.pk)  # type: ignore[arg-type]
        context["operations"] = operations.select_related("host")[:LAST_OPERATIONS]
        # Work on its files is told where it was asked for, and says nothing of how the container does.
        context["latest"] = next((one for one in context["operations"] if not one.kind.startswith("files.")), None)
        return context


class Overview(ContainerPage):
    """What it is and how it does."""

    template_name = "containers/overview.html"
    part_name = "containers/_overview.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the image, whose command and entrypoint count where the container has none of its own, and its end."""
        return super().get_context_data(**kwargs) | {
            "image": services.image_of(self.object),
            "trusted": trust.held(self.object) if self.object.spec else [],
            **lately(self.object),
        }


class Logs(ContainerPage):
    """What it writes, live."""

    permission_required = ("containers.view", "containers.logs")
    template_name = "containers/logs.html"


class Inspect(ContainerPage):
    """Everything that is known of it."""

    template_name = "containers/inspect.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the record as JSON values."""
        image = services.image_of(self.object)
        return super().get_context_data(**kwargs) | {"inspected": inspected(self.object, image)}


class Create(Page):
    """The form for a new container; `?image=` fills in the image."""

    permission_required = "containers.create"

    @property
    def is_trusted(self) -> bool:
        """Whether the visitor may give a container more of its host."""
        return may(self.request, trust.PERMISSION)

    def get(self, request: HttpRequest) -> HttpResponse:
        """An empty form."""
        asked = {"image": request.GET.get("image", ""), "start": True}
        return self.show(self.form(initial=asked))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Create it and go to its page, or show what is wrong beside the fields."""
        form = self.form(request.POST)
        if form.is_valid():
            try:
                start, pull = form.cleaned_data["start"], form.pull()
                host = form.cleaned_data.get("host")
                operation = services.create(actor=self.actor, spec=form.to_spec(), host=host, start=start, pull=pull)
            except Refused as refusal:
                form.add_refusal(refusal)
            else:
                return redirect("containers:overview", operation.object_id)
        return self.show(form)

    def form(self, *args: Any, **kwargs: Any) -> CreateForm:
        """The form, with what the visitor may choose."""
        may_pull = may(self.request, "images.pull")
        return CreateForm(*args, is_trusted=self.is_trusted, may_pull=may_pull, **kwargs)

    def show(self, form: CreateForm) -> HttpResponse:
        """The page, with the references there are to choose from."""
        images = Image.objects.visible_to(self.request.user).order_by("image_id")[:500]  # type: ignore[arg-type]
        context = {
            "form": form,
            "references": sorted({familiar(reference) for image in images for reference in image.references}),
            "has_images": bool(images),
            "may_load": may(self.request, "images.load"),
        }
        return render(self.request, "containers/create.html", context, status=422 if form.is_bound else 200)


class ContainerAction(ActionPage):
    """A button about one container."""

    permission_required = "containers.view"

    def rows(self) -> QuerySet[Container]:
        """Those the visitor may see."""
        return Container.objects.visible_to(self.request.user).select_related("host")  # type: ignore[arg-type]


class Start(ContainerAction):
    """Start it."""

    def act(self, row: Container) -> Operation:
        """The service of the same name."""
        return services.start(actor=self.actor, container=row)


class Stop(ContainerAction):
    """Stop it: signal, grace period, kill."""

    def act(self, row: Container) -> Operation:
        """The service of the same name."""
        return services.stop(actor=self.actor, container=row)


class Restart(ContainerAction):
    """Stop and start it."""

    def act(self, row: Container) -> Operation:
        """The service of the same name."""
        return services.restart(actor=self.actor, container=row)


class Kill(ContainerAction):
    """Kill it at once."""

    def act(self, row: Container) -> Operation:
        """The service of the same name."""
        return services.kill(actor=self.actor, container=row)


class Pause(ContainerAction):
    """Let it stand still."""

    def act(self, row: Container) -> Operation:
        """The service of the same name."""
        return services.pause(actor=self.actor, container=row)


class Unpause(ContainerAction):
    """Let it run on."""

    def act(self, row: Container) -> Operation:
        """The service of the same name."""
        return services.unpause(actor=self.actor, container=row)


class Remove(ContainerAction):
    """Remove it; the page has asked, so one that runs is killed first."""

    def act(self, row: Container) -> Operation:
        """The service of the same name."""
        return services.remove(actor=self.actor, container=row, force=True)
