"""`/api/v1/containers/{id}/files/…` and `/api/v1/volumes/{name}/files/…`: a part of both areas' view sets."""

from typing import TYPE_CHECKING, Any

from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from engine import FileEntry, FileView, FolderPage, Removable
from panel.accounts.actors import Actor
from panel.containers import live
from panel.containers.logs import AnyFormat
from panel.errors import Invalid
from panel.files import services
from panel.files.places import Place
from panel.operations.api import ANSWERS, PREFER, accepted
from panel.rest.described import Describer
from panel.rest.queries import is_set
from panel.rest.viewsets import asked
from panel.uploads import tickets

if TYPE_CHECKING:
    ViewSet = GenericViewSet[Any]
else:
    ViewSet = object

BYTES = "application/octet-stream"
LISTING = ("path", "sort", "descending", "search", "after", "limit")
READS = ("files", "files_entry", "files_view", "files_content", "files_archive", "files_removable")
CHANGES = ("files_put", "files_folder", "files_move", "files_remove", "files_access")
ACTIONS = READS + CHANGES

ADDRESS = "begins with `/`, or is the `path` an answer gave where a name is no UTF-8"
PATH = OpenApiParameter("path", str, required=True, description=f"of a file or folder; {ADDRESS}")
DESCRIBED = Describer(
    {
        "FileEntry": {
            "path": "to be given back; `=` and base64url where it is no UTF-8",
            "type": "`file`, `folder`, `link`, `device`, `pipe` or `socket`",
            "mode": "permission bits",
            "user": "its name inside, empty where it has none",
            "target": "where a link leads, as it is written",
            "leads_to": "the type of what is there",
            "is_mount": "another file system is mounted there",
        },
        "FolderPage": {
            "path": "with every link followed",
            "total": "how many entries are meant in all",
            "next": "to be given back as `after`",
        },
        "FileView": {
            "text": "the first 1 MiB at most",
            "digest": "of the whole file; empty if it was not read whole",
            "image": "media type of a picture, else empty",
        },
        "Removable": {"mounts": "they keep it from being removed", "is_partial": "there is more than was counted"},
        "AccessChange": {"mode": "octal digits", "owner": "name or number inside", "group": "name or number inside"},
    }
)


class PathsSerializer(serializers.Serializer[Any]):
    """Files and folders."""

    paths = serializers.ListField(child=serializers.CharField(trim_whitespace=False), help_text=f"each {ADDRESS}")


class FolderSerializer(serializers.Serializer[Any]):
    """A folder to be made."""

    path = serializers.CharField(trim_whitespace=False)


class MoveSerializer(serializers.Serializer[Any]):
    """Something to be moved or renamed."""

    path = serializers.CharField(trim_whitespace=False)
    target = serializers.CharField(trim_whitespace=False, help_text="its whole new path, where nothing is yet")


class AccessSerializer(PathsSerializer):
    """What is to change; what is left out stays."""

    mode = serializers.CharField(required=False, default="", allow_blank=True, help_text="octal digits: `644`")
    owner = serializers.CharField(required=False, default="", allow_blank=True, help_text="name or number inside")
    group = serializers.CharField(required=False, default="", allow_blank=True, help_text="name or number inside")
    is_recursive = serializers.BooleanField(required=False, default=False)


ENTRY = {
    "name": "app.conf",
    "path": "/etc/app.conf",
    "type": "file",
    "mode": 420,
    "uid": 0,
    "gid": 0,
    "user": "root",
    "group": "root",
    "size_bytes": 812,
    "modified_at": "2026-01-01T00:00:00Z",
    "target": "",
    "leads_to": "",
    "is_mount": False,
}
PAGE = {
    "path": "/etc",
    "crumbs": [{"name": "etc", "path": "/etc"}],
    "entries": [ENTRY],
    "total": 1,
    "is_writable": True,
    "next": "",
}
VIEW = {
    "entry": ENTRY,
    "text": "listen = 80\n",
    "encoding": "utf-8",
    "is_binary": False,
    "is_truncated": False,
    "digest": "sha256:5e0c…64 digits",
    "image": "",
    "is_writable": True,
}
WOULD = {"folders": 3, "files": 120, "size_bytes": 5242880, "mounts": [], "is_partial": False}


def _answer(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True)


REMOVE = OpenApiExample("A folder", value={"paths": ["/var/cache/app"]}, request_only=True)
MOVE = OpenApiExample("A new name", value={"path": "/etc/app.conf", "target": "/etc/app.conf.old"}, request_only=True)
ACCESS = OpenApiExample("Whose it is", value={"paths": ["/srv"], "owner": "www-data", "mode": "750"}, request_only=True)


class Browsed(ViewSet):
    """The files of a container, running or not, or of a volume."""

    def place(self) -> Place:
        """Whose files the address means."""
        raise NotImplementedError

    @extend_schema(
        summary="List a folder",
        description="By pages: folders first, then by name, size or time. Owners as they are seen inside.",
        parameters=[
            OpenApiParameter("path", str, description=f"`/` if left out; {ADDRESS}"),
            OpenApiParameter("sort", str, enum=["name", "size", "modified"]),
            OpenApiParameter("descending", bool),
            OpenApiParameter("search", str, description="only names that hold this, whatever its case"),
            OpenApiParameter("after", str, description="the `next` of the page before"),
            OpenApiParameter("limit", int, description="200 if left out, 1,000 at most"),
        ],
        responses=DESCRIBED.plain(FolderPage),
        examples=[_answer("A folder with one file", PAGE)],
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def files(self, request: Request, **kwargs: Any) -> Response:
        """One page of a folder."""
        return Response(listed(Actor.from_request(request), self.place(), request.query_params.dict()))

    @extend_schema(
        summary="Look at a file or folder",
        description="A link is told of itself.",
        parameters=[PATH],
        responses=DESCRIBED.plain(FileEntry),
        examples=[_answer("A file", ENTRY)],
    )
    @action(detail=True, methods=["get"], url_path="files/entry")
    def files_entry(self, request: Request, **kwargs: Any) -> Response:
        """What is there."""
        return Response(told(Actor.from_request(request), self.place(), "stat", "entry", _path(request)))

    @extend_schema(
        summary="View a file",
        description="Its first 1 MiB as text, with a digest to write it back by; or that it is binary, or a picture.",
        parameters=[PATH],
        responses=DESCRIBED.plain(FileView),
        examples=[_answer("A text", VIEW)],
    )
    @action(detail=True, methods=["get"], url_path="files/view")
    def files_view(self, request: Request, **kwargs: Any) -> Response:
        """A file to be shown."""
        return Response(told(Actor.from_request(request), self.place(), "view", "view", _path(request)))

    @extend_schema(
        summary="Download a file",
        description="Its bytes as they are. A picture may be asked for `inline`, to be shown.",
        parameters=[PATH, OpenApiParameter("inline", bool, description="only of a picture: with its own media type")],
        responses={(200, BYTES): OpenApiResponse(OpenApiTypes.BINARY, "The file.")},
    )
    @action(detail=True, methods=["get"], url_path="files/content", content_negotiation_class=AnyFormat)
    def files_content(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """A file's bytes. Whatever they are, no browser runs anything of them."""
        place, path = self.place(), _path(request)
        found = told(Actor.from_request(request), place, "download", "view", path)
        is_picture = bool(found["image"]) and is_set(request, "inline")
        kind = found["image"] if is_picture else BYTES
        return _streamed(f"{place.path}/content", path, kind, found["entry"]["name"], is_shown=is_picture)

    @extend_schema(
        summary="Upload a file",
        description=(
            "The request's body is the file. It is written under another name and put in its place whole; one that is "
            "replaced keeps its owner and mode. With the `digest` it was read with, a change meanwhile is a conflict."
        ),
        request={BYTES: OpenApiTypes.BINARY},
        parameters=[
            PREFER,
            PATH,
            OpenApiParameter("replaces", bool, description="a file that is there may be replaced"),
            OpenApiParameter("digest", str, description="`sha256:…` that the file must still have"),
        ],
        responses=ANSWERS,
    )
    @files_content.mapping.put
    def files_put(self, request: Request, **kwargs: Any) -> Response:
        """Allow the upload; its body is streamed to the host by `panel.uploads.asgi`."""
        place, query = self.place(), request.query_params
        ticket = services.at(place).allow_put(
            actor=Actor.from_request(request),
            place=place,
            path=_path(request),
            replaces=is_set(request, "replaces"),
            digest=query.get("digest", ""),
        )
        return Response(status=202, headers={tickets.UPLOAD_HEADER: tickets.issue(ticket)})

    @extend_schema(
        summary="Download a folder",
        description="As a tar, with what is mounted in it but not what the kernel makes up (/proc …).",
        parameters=[PATH],
        responses={(200, live.TAR): OpenApiResponse(OpenApiTypes.BINARY, "A tar.")},
    )
    @action(detail=True, methods=["get"], url_path="files/archive", content_negotiation_class=AnyFormat)
    def files_archive(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """A folder as a tar."""
        place, path = self.place(), _path(request)
        page = told(Actor.from_request(request), place, "download", "", path, limit="1")
        name = page["crumbs"][-1]["name"] if page["crumbs"] else place.subject.name
        return _streamed(f"{place.path}/archive", path, live.TAR, f"{name}.tar")

    @extend_schema(
        summary="Tell what would be removed",
        request=PathsSerializer,
        responses=DESCRIBED.plain(Removable),
        examples=[REMOVE, _answer("A folder of a hundred files", WOULD)],
    )
    @action(detail=True, methods=["post"], url_path="files/removable")
    def files_removable(self, request: Request, **kwargs: Any) -> Response:
        """How much goes with some paths."""
        place, actor = self.place(), Actor.from_request(request)
        wanted = asked(request, PathsSerializer) if actor.may(place.permission) else {}
        services.at(place).read(actor=actor, place=place, verb="count", told=wanted)
        return Response(live.ask(f"{place.path}/removable", wanted, timeout_s=300))

    @extend_schema(summary="Make a folder", request=FolderSerializer, parameters=[PREFER], responses=ANSWERS)
    @action(detail=True, methods=["post"], url_path="files/folder")
    def files_folder(self, request: Request, **kwargs: Any) -> Response:
        """Make an empty folder."""
        return self._changed(request, "make_folder", FolderSerializer)

    @extend_schema(
        summary="Move or rename a file or folder",
        request=MoveSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
        examples=[MOVE],
    )
    @action(detail=True, methods=["post"], url_path="files/move")
    def files_move(self, request: Request, **kwargs: Any) -> Response:
        """Give it another path."""
        return self._changed(request, "move", MoveSerializer)

    @extend_schema(
        summary="Remove files and folders",
        description="With all they hold. Refused for what has something mounted on it.",
        request=PathsSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
        examples=[REMOVE],
    )
    @action(detail=True, methods=["post"], url_path="files/remove")
    def files_remove(self, request: Request, **kwargs: Any) -> Response:
        """Remove them."""
        return self._changed(request, "remove", PathsSerializer)

    @extend_schema(
        summary="Change modes and owners",
        request=AccessSerializer,
        parameters=[PREFER],
        responses=ANSWERS,
        examples=[ACCESS],
    )
    @action(detail=True, methods=["post"], url_path="files/access")
    def files_access(self, request: Request, **kwargs: Any) -> Response:
        """Change whose they are and who may do what with them."""
        return self._changed(request, "change_access", AccessSerializer)

    def _changed(self, request: Request, verb: str, serializer: type[serializers.Serializer[Any]]) -> Response:
        place, actor = self.place(), Actor.from_request(request)
        # Who may not is told so by the service, which writes it down, not what else is wrong.
        arguments = asked(request, serializer) if actor.may(place.permission) else {}
        operation = services.at(place).change(actor=actor, place=place, verb=verb, arguments=arguments)
        return accepted(request, operation)


def listed(actor: Actor, place: Place, asked_for: dict[str, str]) -> dict[str, Any]:
    """One page of a folder, as its host tells of it. Raises NotPermitted, AgentError."""
    query = {name: asked_for[name] for name in LISTING if asked_for.get(name)}
    path = checked_path(query.get("path", "/"))
    services.at(place).read(actor=actor, place=place, verb="list", told={"path": path})
    return live.read(place.path, list(query.items()))


def told(actor: Actor, place: Place, verb: str, what: str, path: str, **query: str) -> dict[str, Any]:
    """What its host tells of a path; written down as `verb`. Raises NotPermitted, AgentError."""
    services.at(place).read(actor=actor, place=place, verb=verb, told={"path": path})
    return live.read(f"{place.path}/{what}".rstrip("/"), [("path", path), *query.items()])


def _path(request: Request) -> str:
    return checked_path(request.query_params.get("path", ""))


def checked_path(path: str) -> str:
    """A path as it may be written down and sent on. Raises Invalid."""
    if not path:
        raise Invalid(_("It is missing."), hint=_("Name a file or folder."), field="path")
    if "\0" in path or not path.startswith(("/", "=")):
        raise Invalid(_("It is no path."), hint=_("Paths begin with a slash."), field="path")
    return path


def _streamed(address: str, path: str, kind: str, name: str, *, is_shown: bool = False) -> HttpResponseBase:
    response = live.streamed(address, [("path", path)], content_type=kind)
    clean = "".join(letter if letter.isprintable() else "_" for letter in name)
    response["Content-Disposition"] = content_disposition_header(not is_shown, clean) or "attachment"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response
