"""The pages of files: a folder of a container or volume, and one file of it. Changes go through REST."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from panel.accounts.actors import Actor
from panel.agent.client import AgentError
from panel.containers.views import ContainerPage
from panel.errors import Invalid, Missing
from panel.files.api import listed, told
from panel.files.places import Place, of_container, of_volume
from panel.pages.access import Page
from panel.pages.lists import is_part

PAGE = 200
SORTS: dict[str, str | Promise] = {"name": _("Name"), "size": _("Size"), "modified": _("Changed")}


class Folder:
    """A folder's entries, as `ContainerPage` and `TemplateView` are mixed with it; `place` says whose."""

    request: HttpRequest
    place: Callable[[], Place]

    def get_template_names(self) -> list[str]:
        """Only the list, when the filters or a change ask for it."""
        if is_part(self.request, "list"):
            return ["files/_list.html"]
        return super().get_template_names()  # type: ignore[misc, no-any-return]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds one page of the folder, or why there is none."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        if is_part(self.request, "container-head"):
            return context  # nobody looks at files
        place, asked = self.place(), self.request.GET.dict()
        sort = asked.get("sort", "name")
        query: dict[str, str] = {name: asked[name] for name in ("path", "search", "after") if name in asked}
        query |= {"sort": sort.removeprefix("-"), "limit": str(PAGE)} | ({"descending": "1"} if sort[:1] == "-" else {})
        context |= {
            "place": place,
            "sort": sort,
            "query": asked,
            "sorts": _sorts(sort),
            "api": f"/api/v1/{place.path}/",
        }
        context["path"] = asked.get("path", "/")
        try:
            page = listed(Actor.from_request(self.request), place, query)
        except (AgentError, Invalid) as error:
            return context | {"error": error}
        return context | {"page": page, "path": page["path"], "entries": _shown(page["entries"])}


class File:
    """One file: text in an editor, a picture, or what it is; mixed in as `Folder` is."""

    request: HttpRequest
    place: Callable[[], Place]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the file, or why it cannot be shown."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        if is_part(self.request, "container-head"):
            return context  # nobody looks at files
        place, path = self.place(), self.request.GET.get("path", "")
        context |= {"place": place, "path": path, "api": f"/api/v1/{place.path}/"}
        context["parent"] = _parent(path)
        try:
            view = told(Actor.from_request(self.request), place, "view", "view", path)
        except (AgentError, Invalid) as error:
            return context | {"error": error}
        _shown([view["entry"]])
        return context | {"view": view, "why_not": _why_not(view), "is_crlf": "\r\n" in view["text"]}


class OfContainer(ContainerPage):
    """A page of a container's files."""

    permission_required = ("containers.view", "containers.files")

    def place(self) -> Place:
        """The container's."""
        return of_container(self.object)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds where its folders and files are shown."""
        addresses = {"folder": reverse("containers:files", args=[self.object.pk])}
        addresses["file"] = reverse("containers:file", args=[self.object.pk])
        return super().get_context_data(**kwargs) | {"addresses": addresses}


class OfVolume(Page, TemplateView):
    """A page of a volume's files."""

    permission_required = ("volumes.view", "volumes.files")

    def place(self) -> Place:
        """The volume's. Raises Http404 while there is no host."""
        try:
            return of_volume(self.kwargs["name"])
        except Missing as error:
            raise Http404 from error

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds where its folders and files are shown."""
        addresses = {"folder": reverse("files:volume", args=[self.kwargs["name"]])}
        addresses["file"] = reverse("files:volume-file", args=[self.kwargs["name"]])
        return super().get_context_data(**kwargs) | {"addresses": addresses}


class ContainerFolder(Folder, OfContainer):
    """A folder of a container, a tab of its page."""

    template_name = "files/container.html"


class ContainerFile(File, OfContainer):
    """A file of a container."""

    template_name = "files/container_file.html"


class VolumeFolder(Folder, OfVolume):
    """A folder of a volume."""

    template_name = "files/volume.html"


class VolumeFile(File, OfVolume):
    """A file of a volume."""

    template_name = "files/volume_file.html"


def _sorts(sort: str) -> list[dict[str, Any]]:
    """The columns one can sort by, each with the order it has and the one a click gives it."""
    return [
        {
            "label": label,
            "sort": f"-{name}" if sort == name else name,
            "order": {name: "ascending", f"-{name}": "descending"}.get(sort, "none"),
        }
        for name, label in SORTS.items()
    ]


def _shown(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries with their times as such, and whether they open as a folder or as a file."""
    for entry in entries:
        entry["changed_at"] = parse_datetime(entry["modified_at"]) if entry["modified_at"] else None
        entry["opens"] = entry["leads_to"] if entry["type"] == "link" else entry["type"]
    return entries


def _parent(path: str) -> str:
    """The address of the folder a file is in; the root for a path that is no text, whose folder may be none either."""
    return path.rpartition("/")[0] or "/" if path.startswith("/") else "/"


def _why_not(view: dict[str, Any]) -> str | Promise:
    """Why the text cannot be edited here, or nothing."""
    plain = view["text"].replace("\r\n", "")
    if not view["is_writable"]:
        return _("It lies on a read-only file system.")
    if view["is_truncated"]:
        return _("It is larger than 1 MiB: this is its beginning.")
    if view["encoding"] != "utf-8":
        return _("It is not in UTF-8. Download it, change it and upload it again.")
    if "\r" in plain or ("\n" in plain and "\r\n" in view["text"]):
        return _("Its lines end in different ways, which a browser would change.")
    return ""
