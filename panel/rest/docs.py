"""The OpenAPI 3.1 document, and a page that shows it: made by the server, so that it works under the strict policy."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.generic import View
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView

from panel.rest.permissions import PUBLIC

METHODS = ("get", "post", "put", "patch", "delete")


class SchemaView(SpectacularAPIView):
    """The document itself; it tells nothing about this installation, so nobody has to sign in for it."""

    permissions = {"get": PUBLIC}
    permission_classes: list[Any] = []


class DocumentView(View):
    """The document for people."""

    permission = PUBLIC

    def get(self, request: HttpRequest) -> HttpResponse:
        """Every operation, grouped by resource."""
        document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        context = {"title": _("REST API"), "info": document["info"], "groups": grouped(document)}
        return render(request, "rest/docs.html", context)


def grouped(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The document's operations by tag, each with what a page shows of it."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["api"])[0]
                groups.setdefault(tag, []).append(_operation(document, path, method, item[method]))
    return groups


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": operation.get("parameters", []),
        "fields": _fields(document, body.get("application/json", {}).get("schema")),
        "media_types": list(body),
        "examples": [json.dumps(example["value"], indent=2) for example in _examples(body)],
        "responses": sorted(operation.get("responses", {})),
    }


def _examples(body: dict[str, Any]) -> list[dict[str, Any]]:
    return list(body.get("application/json", {}).get("examples", {}).values())


def _fields(document: dict[str, Any], schema: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A request's members: name, type, whether it must be given, and what it means."""
    if schema is None:
        return []
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "type": _type(document, value),
            "required": name in required,
            "text": value.get("description", ""),
        }
        for name, value in schema.get("properties", {}).items()
    ]


def _type(document: dict[str, Any], schema: dict[str, Any]) -> str:
    kind = _resolved(document, schema).get("type", "object")
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema a `$ref` names."""
    if reference := schema.get("$ref"):
        resolved: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]
        return resolved
    return schema
